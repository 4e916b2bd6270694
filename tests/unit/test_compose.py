"""docker-compose.yml against the code: every command, variable, address, port and file that it names is there."""

import importlib.util
import re
import subprocess
import sys
from typing import Any, cast
from urllib.parse import urlsplit

import click
import pytest

from agents.health import Health
from agents.settings import VARIABLES, Environment
from agents.wallboard.auth import is_loopback
from agents.wallboard.server import create_app
from deploy.local.kafka_config import Node, _properties
from streams.engine.faust.app import _STOP_S
from streams.topics import TOPICS
from tables.settings import Settings
from tests.conftest import unavailable
from tests.deployment import IMAGE, ROOT, WRITTEN, bind_mounts, compose, here, ours, parsed, resolved

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
WORKERS = sorted(name for name, each in ours().items() if each["command"][0] == "worker")
DEFAULT_PORTS = {"prometheus": 9090, "grafana": 3000}
"""Ports of others' programs that no setting here changes."""


def written(name: str) -> str:
    return (ROOT / name).read_text()


def environ(name: str) -> dict[str, str]:
    """The variables of a container; files it is given are named as they are here."""
    service = SERVICES[name]
    found = {key: resolved(value) for key, value in service.get("environment", {}).items()}
    if config := found.get("SIGAP_CONFIG"):
        found["SIGAP_CONFIG"] = str(here(service, config))
    return found


def published(name: str) -> list[tuple[str, int, int]]:
    """Address and port on the server, port in the container."""
    cut = [str(each).rsplit(":", 2) for each in SERVICES[name].get("ports", [])]
    return [(where, int(outside), int(inside)) for where, outside, inside in cut]


# --- the file itself -------------------------------------------------------------------------------


def test_it_follows_the_schema_of_the_compose_specification() -> None:
    if importlib.util.find_spec("check_jsonschema") is None:
        unavailable("check-jsonschema, which brings the schema, is not installed")
    call = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_what_can_come(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        match how["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
            case condition:
                pytest.fail(f"{name} waits for {other} in a way that tells nothing: {condition}")


@pytest.mark.parametrize("name", SERVICES)
def test_files_volumes_and_secrets_are_there(name: str) -> None:
    service = SERVICES[name]
    assert [str(path) for path in bind_mounts(service).values() if not path.exists()] == []
    named = {each.split(":")[0] for each in service.get("volumes", []) if not each.startswith((".", "/"))}
    assert named <= set(compose()["volumes"])
    assert set(service.get("secrets", [])) <= set(compose()["secrets"])
    if "build" in service:
        assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_others_images_have_a_version_and_ours_is_built_here(name: str) -> None:
    service = SERVICES[name]
    if service["image"] == IMAGE:
        assert "build" in service
    else:
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+(-alpine)?", service["image"])


def test_kafka_is_the_one_that_tests_run_on() -> None:
    jar = re.search(r"org\.apache\.kafka:kafka-clients:(\S+)", written("deploy/local/jars.txt"))
    assert jar is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{jar[1]}"


# --- secrets and who may reach what ----------------------------------------------------------------


def test_no_secret_is_written_down() -> None:
    secret = re.compile("TOKEN|PASSWORD|SECRET|PRIVATE|CREDENTIAL")
    given = {
        key: str(value)
        for each in SERVICES.values()
        for key, value in each.get("environment", {}).items()
        if secret.search(key)
    }
    assert given
    assert [key for key, value in given.items() if not re.match(r"\$\{\w+:\?", value)] == []
    assert all(set(each) == {"environment"} for each in compose()["secrets"].values())


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_the_server(name: str) -> None:
    assert [where for where, _, _ in published(name) if not is_loopback(where)] == []
    assert SERVICES[name].get("network_mode") is None


# --- our services ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ours())
def test_the_command_is_one_of_ours(name: str) -> None:
    parsed(SERVICES[name]["command"])


@pytest.mark.parametrize("name", ours())
def test_the_variables_are_ones_that_are_read(name: str) -> None:
    given = environ(name)
    assert set(given) <= set(VARIABLES)
    environment = Environment.read(given)
    if name != "serve":
        environment.kafka_kwargs()
    Settings.load(environment.config)


def test_the_page_has_what_it_needs_to_be_served() -> None:
    environment, call = Environment.read(environ("serve")), parsed(SERVICES["serve"]["command"])
    assert environment.redis_url()
    assert is_loopback(call["host"]) or environment.token


def test_workers_have_lasting_names_of_their_own_and_a_partition_each() -> None:
    assert [environ(name)["SIGAP_INSTANCE_ID"] for name in WORKERS] == WORKERS
    assert len(WORKERS) <= parsed(SERVICES["topics"]["command"])["partitions"]


def test_a_worker_gets_the_time_to_drain() -> None:
    longest = 2 * _STOP_S + 5  # Faust, the producer, Redis: see streams.engine.faust.app.run and RedisSink.stop
    for name in WORKERS:
        assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) > longest


# --- addresses -------------------------------------------------------------------------------------


def kafka() -> dict[str, str]:
    """Kafka's settings under its own names."""
    given = {key: resolved(value) for key, value in SERVICES["kafka"]["environment"].items()}
    return {key.removeprefix("KAFKA_").lower().replace("_", "."): value for key, value in given.items()}


def listeners(text: str) -> dict[str, tuple[str, int]]:
    """Host and port by name."""
    found = [re.fullmatch(r"([A-Z]+)://(.*):(\d+)", each) for each in text.split(",")]
    return {each[1]: (each[2], int(each[3])) for each in found if each}


def ports(name: str) -> set[int]:
    """The ports on which a container listens."""
    if name == "kafka":
        return {port for _, port in listeners(kafka()["listeners"]).values()}
    if name == "redis":
        return {6379}
    if name not in ours():
        return {DEFAULT_PORTS[name]}
    call = parsed(SERVICES[name]["command"])
    return {port for key in ("port", "health_port") if (port := call.get(key))}


def test_kafkas_settings_are_kafkas() -> None:
    known = set(_properties(Node(1, 1, 2, ROOT), []))
    others = {"heap.opts", "inter.broker.listener.name"}  # the image's own; what one listener does not need
    assert set(kafka()) <= known | others


def test_kafka_answers_where_it_says() -> None:
    inside, advertised = listeners(kafka()["listeners"]), listeners(kafka()["advertised.listeners"])
    assert {name: inside[name][1] for name in advertised} == {name: port for name, (_, port) in advertised.items()}
    for name in ours():
        for address in Environment.read(environ(name)).kafka:
            host, _, port = address.partition(":")
            assert (host, int(port)) in advertised.values()
            assert host in SERVICES
    assert [("localhost", outside) for _, outside, _ in published("kafka")] == [advertised["HOST"]]
    assert kafka()["controller.quorum.voters"].endswith("@{}:{}".format(*inside["CONTROLLER"]))


def test_redis_is_where_it_is_looked_for() -> None:
    for name in ours():
        url = urlsplit(environ(name).get("SIGAP_REDIS", "redis://redis:6379"))
        assert url.hostname in SERVICES
        assert url.port in ports(str(url.hostname))


@pytest.mark.parametrize("name", SERVICES)
def test_published_ports_are_listened_on(name: str) -> None:
    assert {inside for _, _, inside in published(name)} <= ports(name)


@pytest.mark.parametrize("name", [*WORKERS, "serve"])
def test_health_is_asked_where_it_is_answered(name: str) -> None:
    app = (
        create_app("redis://localhost")
        if name == "serve"
        else Health(cast("Any", None), cast("Any", None), ("", 1), {})._runner.app
    )
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)'", SERVICES[name]["healthcheck"]["test"][-1])
    assert asked is not None
    assert int(asked[1]) in ports(name)
    assert asked[2] in {each.canonical for each in app.router.resources()}


# --- what is written about it ----------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_topics_and_variables_that_are_named_exist(name: str) -> None:
    topics = set(re.findall(r"\bsigap\.(?!yaml|json)(_?[a-z]+(?:\.[a-z]+)*)", written(name)))
    assert topics <= {each.name for each in TOPICS}
    assert set(re.findall(r"\bSIGAP_[A-Z_]+", written(name))) <= {*VARIABLES, "SIGAP_"}


@pytest.mark.parametrize("name", WRITTEN)
def test_commands_that_are_named_exist(name: str) -> None:
    text = re.sub(r"\s+", " ", written(name))
    calls = re.findall(r"(?:`sigap|compose run --rm topics) ([a-z][^`#]*?)(?=`| docker| #)", text)
    for call in calls:
        arguments = [each.replace("/etc/sigap", str(ROOT / "deploy/compose")) for each in call.split()]
        try:
            parsed(arguments)
        except click.UsageError as error:
            pytest.fail(f"sigap {call}: {error.format_message()}")
    services = re.findall(r"compose (?:logs|restart|run --rm) ([a-z0-9-]+)", text) + re.findall(r"\bworker-\d+", text)
    assert set(services) <= set(SERVICES)
