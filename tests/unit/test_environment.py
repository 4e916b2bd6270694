"""The environment of a process: addresses and secrets."""

import ssl
from pathlib import Path

import pytest

from agents.settings import VARIABLES, Environment
from tables.settings import SettingsError

SASL = {
    "SIGAP_KAFKA": "kafka.example:9093",
    "SIGAP_KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "SIGAP_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "SIGAP_KAFKA_USERNAME": "sigap",
    "SIGAP_KAFKA_PASSWORD": "hidden-1",
    "SIGAP_REDIS": "rediss://user:hidden-2@redis.example:6380/2",
    "SIGAP_TOKEN": "hidden-3",
}


def problems(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Environment.read(variables)
    return caught.value.problems


def test_nothing_is_required_until_it_is_used() -> None:
    environment = Environment.read({"SIGAP_KAFKA": "", "HOME": "/x", "SIGAP_PORT": "tcp://10.0.0.1:1"})

    assert environment == Environment()
    assert (environment.topic_prefix, environment.timeline.mode, environment.ticks) == ("sigap", "wall", False)
    with pytest.raises(SettingsError, match="SIGAP_KAFKA: required; brokers, HOST:PORT"):
        environment.kafka_kwargs()
    with pytest.raises(SettingsError, match="SIGAP_REDIS: required"):
        environment.redis_url()


def test_everything_is_read(tmp_path: Path) -> None:
    config = tmp_path / "sigap.yaml"
    config.touch()
    environment = Environment.read(
        {
            "SIGAP_KAFKA": "a:1, [::1]:9092,",
            "SIGAP_REDIS": "redis://localhost",
            "SIGAP_CONFIG": str(config),
            "SIGAP_TOPIC_PREFIX": "house.one",
            "SIGAP_CLOCK": "event",
            "SIGAP_TICKS": "true",
            "SIGAP_REPLICATION": "3",
            "SIGAP_DLQ_SHARE": "0.25",
            "SIGAP_DLQ_RUN": "0",
            "SIGAP_INSTANCE_ID": "worker-0",
        }
    )
    assert environment.kafka_kwargs() == {"bootstrap_servers": ["a:1", "[::1]:9092"], "security_protocol": "PLAINTEXT"}
    assert environment.redis_url() == "redis://localhost"
    assert environment.config == config
    assert (environment.topic_prefix, environment.timeline.mode, environment.ticks) == ("house.one", "event", True)
    assert (environment.replication, environment.instance_id) == (3, "worker-0")
    assert (environment.dlq_share, environment.dlq_run) == (0.25, 0)


def test_sasl_with_tls() -> None:
    environment = Environment.read(SASL)
    kwargs = environment.kafka_kwargs()

    assert isinstance(kwargs.pop("ssl_context"), ssl.SSLContext)
    assert kwargs == {
        "bootstrap_servers": ["kafka.example:9093"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "sigap",
        "sasl_plain_password": "hidden-1",
    }


def test_tls_alone() -> None:
    environment = Environment.read({"SIGAP_KAFKA": "a:1", "SIGAP_KAFKA_SECURITY_PROTOCOL": "SSL"})
    assert environment.kafka_kwargs()["ssl_context"].check_hostname


def test_secrets_are_in_no_text() -> None:
    environment = Environment.read(SASL)
    assert "hidden" not in repr(environment)
    assert "hidden" not in str(environment)
    wrong = SASL | {
        "SIGAP_KAFKA": "user:hidden-4@a:1",
        "SIGAP_REDIS": "http://user:hidden-2@redis.example",
        "SIGAP_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        "SIGAP_REPLICATION": "x",
    }
    assert "hidden" not in "\n".join(problems(**wrong))
    assert "hidden" not in "\n".join(problems(SIGAP_REDIS="redis://u:hidden@h:99999999"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"SIGAP_KAFKA": "localhost"},
            "SIGAP_KAFKA: address 1 is not HOST:PORT; brokers, HOST:PORT,..., without a scheme",
        ),
        (
            {"SIGAP_KAFKA": "a:1,b:70000"},
            "SIGAP_KAFKA: address 2 is not HOST:PORT; brokers, HOST:PORT,..., without a scheme",
        ),
        ({"SIGAP_KAFKA": ","}, "SIGAP_KAFKA: no address; brokers, HOST:PORT,..."),
        ({"SIGAP_REDIS": "localhost:6379"}, "SIGAP_REDIS: not a URL of Redis; " + VARIABLES["SIGAP_REDIS"]),
        ({"SIGAP_REDIS": "redis://:6379"}, "SIGAP_REDIS: no host; redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]"),
        (
            {"SIGAP_REDIS": "redis://h/x"},
            "SIGAP_REDIS: the database is no number; redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]",
        ),
        ({"SIGAP_REDIS": "unix://"}, "SIGAP_REDIS: no path of a socket; unix:///PATH"),
        ({"SIGAP_CONFIG": "/absent/x.yaml"}, "SIGAP_CONFIG: no file /absent/x.yaml"),
        (
            {"SIGAP_CLOCK": "utc"},
            "SIGAP_CLOCK: 'utc' is not allowed; allowed: wall, event, scaled:AT:WALL:SPEED (ms, ms, a number)",
        ),
        ({"SIGAP_TICKS": "2"}, "SIGAP_TICKS: '2' is not allowed; allowed: 0, 1, true, yes, false, no"),
        ({"SIGAP_DLQ_SHARE": "2"}, "SIGAP_DLQ_SHARE: '2' is not allowed; a number from 0 to 1, such as 0.25"),
        ({"SIGAP_DLQ_RUN": "-1"}, "SIGAP_DLQ_RUN: '-1' is not allowed; a whole number from 0 to 1000000000"),
        ({"SIGAP_REPLICATION": "0"}, "SIGAP_REPLICATION: '0' is not allowed; a whole number from 1 to 100"),
        (
            {"SIGAP_TOPIC_PREFIX": "a b"},
            (
                "SIGAP_TOPIC_PREFIX: 'a b' is not allowed; letters, digits, . _ and -, at most 100 characters, "
                "the first a letter or digit"
            ),
        ),
        (
            {"SIGAP_KAFKA_SECURITY_PROTOCOL": "TLS"},
            "SIGAP_KAFKA_SECURITY_PROTOCOL: 'TLS' is not allowed; allowed: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            {"SIGAP_KAFKA_USERNAME": "u"},
            "SIGAP_KAFKA_USERNAME: not used unless SIGAP_KAFKA_SECURITY_PROTOCOL is SASL_SSL or SASL_PLAINTEXT",
        ),
        (
            {"SIGAP_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "SIGAP_KAFKA_USERNAME": "u"},
            "SIGAP_KAFKA_PASSWORD: required with SIGAP_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        ),
        (
            {"SIGAP_KAFKA_CAFILE": "/dev/null"},
            "SIGAP_KAFKA_CAFILE: no file /dev/null",
        ),
    ],
)
def test_what_is_wrong_and_what_is_allowed(variables: dict[str, str], expected: str) -> None:
    assert problems(**variables) == [expected]


def test_all_problems_come_at_once() -> None:
    found = problems(SIGAP_KAFKA="x", SIGAP_CLOCK="x", SIGAP_REPLICATION="x")
    assert [each.partition(":")[0] for each in found] == ["SIGAP_KAFKA", "SIGAP_CLOCK", "SIGAP_REPLICATION"]


def test_files_that_hold_no_certificates(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    tls = {"SIGAP_KAFKA": "a:1", "SIGAP_KAFKA_SECURITY_PROTOCOL": "SSL"}
    with pytest.raises(SettingsError, match=r"SIGAP_KAFKA_CAFILE: .*junk.pem holds no PEM certificates"):
        Environment.read(tls | {"SIGAP_KAFKA_CAFILE": str(junk)}).kafka_kwargs()
    with pytest.raises(SettingsError, match=r"SIGAP_KAFKA_CERTFILE: .*junk.pem and its key cannot be used"):
        Environment.read(tls | {"SIGAP_KAFKA_CERTFILE": str(junk)}).kafka_kwargs()
    assert problems(**tls, SIGAP_KAFKA_KEYFILE=str(junk)) == [
        "SIGAP_KAFKA_KEYFILE: needs SIGAP_KAFKA_CERTFILE beside it"
    ]
