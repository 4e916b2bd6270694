"""`sigap replay` and `sigap replay --via-kafka` write the same records, `seq` aside."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.runs import differences
from tests.conftest import KafkaServer
from tests.kafka.lab import Process
from tests.scenario_parts import Event
from tests.scenarios import sorted_scenario

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
LOGS = Path(__file__).parents[3] / "shared" / "data" / "events"
THERE = {each.name for each in LOGS.glob("*")}
SEEDS = range(100, 114)
END = 1_718_000_000_000
MINUTE = 60_000
Keyed = tuple[int, Event]


def merged() -> tuple[Event, list[Event]]:
    """A dozen scenarios side by side: each has tenants of its own, with its settings, and ends in the minute of END."""
    config: Event = {"tenants": {}}
    keyed: list[Keyed] = []
    for seed in SEEDS:
        own, events, until = sorted_scenario(seed)
        tenants = {str(each["tenant"]) for each in events if isinstance(each.get("tenant"), str)}
        shared = {name: value for name, value in own.items() if name != "tenants"}
        for tenant in tenants:
            override = own.get("tenants", {}).get(tenant, {})
            config["tenants"][f"s{seed}-{tenant}"] = _renamed(seed, _over(shared, override))
        keyed += _moved(seed, events, until)
    return config, [each for _, each in sorted(keyed, key=lambda pair: pair[0])]


def _over(below: Event, above: Event) -> Event:
    both = {k: _over(below[k], v) if isinstance(v, dict) and k in below else v for k, v in above.items()}
    return below | both


def _renamed(seed: int, settings: Event) -> Event:
    policies = []
    for policy in settings.get("sla_policies", ()):
        match = dict(policy.get("match", {}))
        if "tenant" in match:
            match["tenant"] = f"s{seed}-{match['tenant']}"
        policies.append(policy | ({"match": match} if match else {}))
    return settings | {"sla_policies": policies}


def _moved(seed: int, events: list[Event], until: int | None) -> Iterator[Keyed]:
    instants = [each["at"] for each in events if type(each.get("at")) is int]
    newest = max(at for at in instants if until is None or at <= until)
    by = (END - newest) // MINUTE * MINUTE
    last = 0
    for each in events:
        at = each.get("at")
        whole = type(at) is int and at > 0
        if whole and at > newest:
            continue
        more: Event = {"at": at + by} if whole else {}
        if isinstance(each.get("tenant"), str):
            more["tenant"] = f"s{seed}-{each['tenant']}"
        last = at + by if whole else last
        yield last, each | more


async def replayed(kafka: KafkaServer, folder: Path, events: Path, *options: str) -> list[dict[str, list[Any]]]:
    """What both ways have written, by file."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SIGAP_")}
    environ["SIGAP_KAFKA"] = kafka.bootstrap
    environ["TMPDIR"] = str(folder)
    found = []
    for way in ((), ("--via-kafka",)):
        out = folder / f"out{len(way)}"
        command = ["-m", "agents", "replay", str(events), "--out", str(out), *options, *way]
        process = Process(folder / "replay.log", command, environ)
        assert await process.ended(120) == 0, process.text
        texts = {name: (out / f"{name}.ndjson").read_text() for name in ("kpi", "intervals", "alerts", "dlq")}
        found.append({name: [json.loads(line) for line in text.splitlines()] for name, text in texts.items()})
    assert not leftovers(folder)
    return found


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob("sigap-replay-*"))


def assert_same(plain: dict[str, list[Any]], through: dict[str, list[Any]]) -> None:
    assert differences(plain["kpi"], through["kpi"]) == []
    assert plain["intervals"] == through["intervals"]
    assert plain["alerts"] == through["alerts"]
    assert plain["dlq"] == through["dlq"]


async def test_scenarios_side_by_side(kafka: KafkaServer, tmp_path: Path) -> None:
    config, events = merged()
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    (tmp_path / "events.ndjson").write_text("".join(f"{json.dumps(each)}\n" for each in events))
    until = str(END + 10 * MINUTE + 1)
    plain, through = await replayed(
        kafka, tmp_path, tmp_path / "events.ndjson", "--config", str(tmp_path / "config.yaml"), "--until", until
    )
    states = {each["state"] for each in plain["alerts"]}
    assert states == {"imminent", "breached", "met", "met_late", "cancelled"}
    assert len(plain["alerts"]) > 500
    assert len({each["tenant"] for each in plain["kpi"]}) > 20
    assert len(plain["dlq"]) > 10
    assert_same(plain, through)


@pytest.mark.parametrize(
    "name",
    ["chat-stripe.ndjson", pytest.param("chat-ubuntu.ndjson.gz", marks=pytest.mark.soak)],  # the second: a minute
)
async def test_a_real_log(kafka: KafkaServer, tmp_path: Path, name: str) -> None:
    if name not in THERE:
        pytest.skip(f"no {name} beside this repository")
    policies = [{"name": "all", "targets": {"first_response": 300, "next_response": 900}, "warn": [0.5, "-30s"]}]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"timezone": "Asia/Jakarta", "sla_policies": policies}))
    plain, through = await replayed(kafka, tmp_path, LOGS / name, "--config", str(tmp_path / "config.yaml"))
    assert len(plain["kpi"]) > 100
    assert len(plain["alerts"]) > 100
    assert_same(plain, through)
