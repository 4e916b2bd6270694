"""Prometheus, its alert rules and the dashboard against the code: every metric, label, target and file is there."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
import yaml
from faust.types import TP
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from agents.feed import Feed
from agents.health import Health
from agents.wallboard.auth import is_loopback
from agents.wallboard.server import _Metrics
from streams.engine.faust.driver import Status
from streams.engine.faust.partition import PartitionStatus
from streams.engine.faust.sink import SinkStatus
from streams.rejects import REASONS
from tests.conftest import unavailable
from tests.deployment import ROOT, compose, ours, parsed

PROMETHEUS = ROOT / "deploy" / "prometheus"
CONFIG = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
RULES = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "sigap.json").read_text())
PANELS = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
JOBS = {each["job_name"]: each for each in CONFIG["scrape_configs"]}
OUTCOMES = {"folded", "duplicate", "late", "after_interval", "replayed", "empty", "presence", "business", *REASONS}
OWN = {"up": {"instance", "job"}, "ALERTS": {"alertname", "alertstate", "severity"}}
"""Series that Prometheus makes itself."""

_WORDS = {"and", "or", "unless", "bool", "offset"}
_LABELS = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_METRIC = re.compile(r"\b([a-zA-Z_]\w*)\b\s*(\{[^}]*\})?(?!\s*\()")


# --- what is exported ------------------------------------------------------------------------------


@cache
def exported() -> dict[str, set[str]]:
    """Every series that a worker and the page can have, with its labels."""
    shard = SimpleNamespace(partitions=1, histories={}, counts=Counter(OUTCOMES))
    sink = SimpleNamespace(connected=True, behind_s=0.0, pending=0, errors=0, written=0, resyncs=0)
    feed = Feed(None, AsyncMock())
    feed.shards[0], feed.rollups[0] = cast("Any", shard), cast("Any", SimpleNamespace(scopes={}))
    feed.sink = cast("Any", sink)
    partition = PartitionStatus(ready=True, lag_ms=0, behind=0, oldest_s=0.0, stalled_s=0.0, recovered=1.0)
    raw = {TP("sigap.raw.chat", 0): SinkStatus(ready=True, behind=0, stalled_s=0.0)}
    status = Status(True, {0: partition}, frozenset({0}), raw, 0.0, 0.0, 0.0)
    driver = SimpleNamespace(status=lambda: status)
    page = CollectorRegistry()
    page.register(cast("Any", _Metrics(cast("Any", SimpleNamespace(streams=0, pushes=0, feeds={})))))
    found: dict[str, set[str]] = {name: set(labels) for name, labels in OWN.items()}
    for registry in (Health(cast("Any", driver), feed, ("", 1), {("chat", "events"): 1})._registry, page):
        metrics: Iterator[Metric] = iter(registry.collect())
        for sample in (sample for metric in metrics for sample in metric.samples):
            found.setdefault(sample.name, {"instance", "job"}).update(sample.labels)
    return found


def expressions() -> list[tuple[str, str]]:
    """Who asks, and what."""
    asked = [(rule["alert"], rule["expr"]) for rule in RULES]
    return asked + [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]


def used(expression: str) -> Iterator[tuple[str, str]]:
    """Each metric of a PromQL expression with its matchers."""
    without_labels_and_ranges = re.sub(r"\[[^\]]*\]", "", _LABELS.sub("", expression))
    for name, matchers in _METRIC.findall(without_labels_and_ranges):
        if name not in _WORDS:
            yield name, matchers


def test_the_reading_of_promql_finds_metrics_alone() -> None:
    text = (
        'sum by (a, b) (rate(x_total{l=~"p|q", m!="r s"}[$__rate_interval])) > 0.01 * max(y) or vector(0) and z == 1e3'
    )
    assert [name for name, _ in used(text)] == ["x_total", "y", "z"]


@pytest.mark.parametrize(("who", "expression"), expressions(), ids=lambda each: str(each)[:40])
def test_what_is_asked_for_is_exported(who: str, expression: str) -> None:
    metrics = list(used(expression))
    assert metrics, who
    labels = set()
    for name, matchers in metrics:
        assert name in exported(), f"{who}: no metric {name}"
        labels |= exported()[name]
        for label, operator, value in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', matchers):
            assert label in exported()[name], f"{who}: {name} has no label {label}"
            values = set(value.split("|")) if "~" in operator else {value}
            known = {"job": set(JOBS), "outcome": OUTCOMES, "alertstate": {"firing", "pending"}}
            assert values <= known.get(label, values), f"{who}: {label}={value}"
    for names in _LABELS.findall(expression):
        assert {each.strip() for each in names.split(",")} <= labels, who


@pytest.mark.parametrize(
    "expression", [e for _, e in expressions() if "not_json" in e], ids=lambda each: str(each)[:40]
)
def test_every_reason_of_a_reject_is_counted(expression: str) -> None:
    found = re.search(r'outcome=~"([^"]*)"', expression)
    assert found is not None
    assert set(found[1].split("|")) == set(REASONS)


# --- what is scraped -------------------------------------------------------------------------------


def test_every_worker_and_the_page_are_scraped_where_they_listen() -> None:
    calls = {name: parsed(each["command"]) for name, each in ours().items()}
    workers = {f"{name}:{call['health_port']}" for name, call in calls.items() if "health_port" in call}
    assert workers == {target for each in JOBS["sigap-worker"]["static_configs"] for target in each["targets"]}
    page = {f"serve:{calls['serve']['port']}"}
    assert page == {target for each in JOBS["sigap-serve"]["static_configs"] for target in each["targets"]}
    hosts = [str(call.get("health_host", call.get("host"))) for name, call in calls.items() if name != "topics"]
    assert not any(map(is_loopback, hosts)), "a container's loopback is its own"


def test_prometheus_has_the_token_that_the_page_asks_for() -> None:
    prometheus = compose()["services"]["prometheus"]
    (secret,) = prometheus["secrets"]
    assert JOBS["sigap-serve"]["authorization"] == {"credentials_file": f"/run/secrets/{secret}"}
    assert compose()["secrets"][secret] == {"environment": "SIGAP_TOKEN"}
    assert "read_only" not in prometheus  # such a secret is written into the container
    assert "./deploy/prometheus:/etc/prometheus:ro" in prometheus["volumes"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in prometheus["command"]


# --- alerts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda each: each["alert"])
def test_an_alert_says_what_is_and_what_to_do(rule: dict[str, Any]) -> None:
    row = f"| `{rule['alert']}` | {rule['labels']['severity']} |"
    assert row in (ROOT / "deploy" / "docs" / "operating.md").read_text()
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert f'"{rule["alert"]}"' in (PROMETHEUS / "alerts_test.yml").read_text()


def test_no_other_alert_is_explained() -> None:
    explained = re.findall(r"^\| `(Sigap\w+)`", (ROOT / "deploy" / "docs" / "operating.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in RULES)


@pytest.mark.parametrize(
    "call",
    [
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
        ["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"],
        ["test", "rules", "alerts_test.yml"],
    ],
    ids=lambda call: " ".join(call[:2]),
)
def test_promtool_agrees(call: list[str], tmp_path: Path) -> None:
    promtool = shutil.which("promtool") or unavailable("no promtool; Debian's package prometheus holds it")
    shutil.copytree(PROMETHEUS, tmp_path, dirs_exist_ok=True)
    token = tmp_path / "token"
    token.write_text("secret")
    config = tmp_path / "prometheus.yml"
    config.write_text(config.read_text().replace("/run/secrets/sigap_token", str(token)))
    done = subprocess.run([promtool, *call], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- the dashboard ---------------------------------------------------------------------------------


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    grafana = compose()["services"]["grafana"]
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "sigap.yml").read_text())["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "deploy/grafana/dashboards" / Path(home).name).is_file()
    assert str(Path(home).parent) == provider["options"]["path"]


def test_the_dashboard_shows_what_the_table_of_metrics_names() -> None:
    table = (ROOT / "deploy" / "docs" / "operating.md").read_text().partition("The dashboard shows all of this")[2]
    named = re.findall(r"`((?:sigap|process)_\w+)", table.partition("\n\n")[2].partition("\n\n")[0])
    shown = {name for panel in PANELS for each in panel["targets"] for name, _ in used(each["expr"])}
    assert len(named) > 20
    assert sorted(set(named) - {name.removesuffix("_bucket") for name in shown}) == []


def test_panels_have_names_of_their_own_and_do_not_overlap() -> None:
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for each in DASHBOARD["panels"]:
        at = each["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, each["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
