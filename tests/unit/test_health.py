"""When a worker says that it should be restarted, and why."""

import json
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from faust.types import TP

from agents.feed import Feed
from agents.health import Health
from streams.engine.faust.driver import Status
from streams.engine.faust.partition import PartitionStatus
from streams.engine.faust.runner import Standstill
from streams.engine.faust.sink import SinkStatus
from streams.engine.ports import Output

WELL = PartitionStatus(ready=True, lag_ms=0, behind=7, oldest_s=0.0, stalled_s=0.0, recovered=1.0)
RAW = TP("sigap.raw.email", 0)


def test_a_standstill_lasts_from_when_there_was_more_to_take() -> None:
    standstill = Standstill()
    assert standstill.seconds(5.0) == 0
    for offset, more, now, lasted in [
        (7, True, 10.0, 0),
        (7, True, 11.0, 1),
        (8, True, 12.0, 0),
        (8, False, 90.0, 0),
        (8, False, 150.0, 0),
        (8, True, 151.0, 1),
    ]:
        standstill.note(offset, more=more, now=now)
        assert standstill.seconds(now) == lasted


async def live(partition: PartitionStatus, **changes: Any) -> tuple[int, list[str]]:
    status = Status(True, {3: partition}, frozenset(), {}, 0.0, 0.0, 0.0)._replace(**changes)
    driver = cast("Any", SimpleNamespace(status=lambda: status))
    response = await Health(driver, Feed(None, AsyncMock()), ("", 1), {})._live(cast("Any", None))
    assert response.text is not None
    return response.status, json.loads(response.text)["reasons"]


@pytest.mark.parametrize(
    ("partition", "changes", "reasons"),
    [
        (WELL, {}, []),
        (WELL._replace(stalled_s=59.0), {}, []),
        (WELL._replace(stalled_s=61.0), {}, ["partition 3 is 7 records behind and has folded none for 61 s"]),
        (WELL._replace(stalled_s=61.0, ready=False), {"ready": False}, []),
        (WELL, {"oldest_s": 61.0}, ["a delivery to Kafka has been awaited for 61 s"]),
        (WELL, {"lease_s": 61.0}, ["the group's coordinator has been silent for 61 s"]),
        (WELL, {"lease_s": 61.0, "ready": False}, []),
        (WELL, {"feeds": {RAW: SinkStatus(ready=True, behind=7, stalled_s=59.0)}}, []),
        (
            WELL,
            {"feeds": {RAW: SinkStatus(ready=True, behind=7, stalled_s=61.0)}},
            ["sigap.raw.email-0 is 7 records behind and has handled none for 61 s"],
        ),
        (WELL, {"feeds": {RAW: SinkStatus(ready=False, behind=7, stalled_s=61.0)}}, []),
    ],
)
async def test_what_should_end_a_worker(
    partition: PartitionStatus, changes: dict[str, Any], reasons: list[str]
) -> None:
    assert await live(partition, **changes) == (503 if reasons else 200, reasons)


def test_the_delay_of_alerts_that_come_by_the_clock_is_counted() -> None:
    feed = Feed(None, AsyncMock(), clock=lambda: 10_400)
    for state, at in (("imminent", 10_000), ("breached", 9_000), ("met", 1_000)):
        value = json.dumps({"tenant": "t", "alert_id": "x", "state": state, "at": at}).encode()
        feed.published([Output("alerts", b"x", value)])
    (metric,) = feed.alert_delay.collect()
    found = {(each.name.rpartition("_")[2], each.labels.get("le")): each.value for each in metric.samples}
    assert found["count", None] == 2
    assert found["sum", None] == pytest.approx(1.8)
    assert (found["bucket", "0.25"], found["bucket", "0.5"], found["bucket", "2.5"]) == (0, 1, 2)
