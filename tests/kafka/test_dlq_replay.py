"""Rejected records come back after a fix: once, whole, and for good."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka.errors import KafkaTimeoutError

from agents.dlq.letter import Letter
from agents.dlq.put_back import KEPT_MS, Choice, Fate, Outcome, Returns
from agents.runs import kpi_records, read_all, tick
from streams.clock import wall_ms
from tests.conftest import KafkaServer
from tests.kafka.house import TENANT, House, event
from tests.kafka.lab import until
from tests.unit.test_channels_chatwoot import message

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SPEED = 60
AHEAD_MS = 420_000
CUT = b" " * 950_000


async def letters(house: House) -> list[Letter]:
    return [Letter.of(each.headers, each.timestamp) for each in await read_all(house.environment, house.topic("dlq"))]


async def rejected(house: House, count: int) -> None:
    async def there() -> bool:
        return len(await letters(house)) >= count

    await until(there, f"{count} dead letters", 20)
    assert len(await letters(house)) == count


async def replay(house: House, *arguments: str, code: int = 0) -> str:
    process = house.command("dlq", "replay", *arguments)
    assert await process.ended() == code, process.text
    assert "Traceback" not in process.text
    return process.text


def figures(text: str, reason: str, topic: str) -> list[int]:
    """Put back, refused before, cannot be."""
    (found,) = re.findall(rf"^{reason} +{re.escape(topic)} +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)
    return [int(each) for each in found]


async def counted(house: House, **metrics: int) -> None:
    """Wait until the tenant's record of the day has these figures."""

    async def holds() -> bool:
        for record in await kpi_records(house.environment):
            if (record["tenant"], record["scope"], record["window"]) == (TENANT, "tenant", "today"):
                return all(record["metrics"].get(name) == value for name, value in metrics.items())
        return False

    await until(holds, f"{metrics}", 20)


async def test_what_was_too_early_comes_back_when_its_time_has_come(kafka: KafkaServer, tmp_path: Path) -> None:
    started = wall_ms()
    clock = f"scaled:{started - 7_200_000}:{started}:{SPEED}"
    house = await House(kafka.bootstrap, tmp_path, SIGAP_CLOCK=clock, SIGAP_TICKS="1").open(partitions=2)

    def now() -> int:
        return house.environment.timeline.wall(wall_ms())

    try:
        await house.worker().wait_ready()
        at = now() + AHEAD_MS
        early = [
            event(kind, f"early{number}", at + 20_000 * place)
            for number in range(5)
            for place, kind in enumerate(("customer", "reply", "resolved"))
        ]
        await house.send(event("customer", "known", now()), event("reply", "known", now()))
        for each in early:  # by a key and a partition of the producer's own
            await house.producer.send_and_wait(
                house.topic("events"), json.dumps(each).encode(), b"mine", partition=1, headers=[("trace", b"t1")]
            )
        await house.send(b"{", json.dumps(event("customer", "x", tenant="A B")).encode(), CUT)
        for channel in ("whatsapp", "email"):
            await house.producer.send_and_wait(house.topic(f"raw.{channel}"), b"\xffgarbage", b"k")
        await rejected(house, len(early) + 5)

        asked = await replay(house, "--dry-run", "--reason", "future")
        assert figures(asked, "future", house.topic("events")) == [15, 0, 0]
        assert "15 would go" in asked
        assert "nothing to put back" in await replay(house, "--reason", "future", "--topic", "raw.chat")
        await until(lambda: now() > early[-1]["at"], "the time of the early events", 30)
        assert "4 put back" in await replay(house, "--reason", "future", "--limit", "4")
        assert "11 put back" in await replay(house, "--reason", "future")
        assert "nothing to put back" in await replay(house, "--reason", "future")
        await counted(house, messages_in=6, messages_out=6, conversations_resolved=5)
        returned = [each for each in await house.events() if ("returned", b"1") in each.headers]
        assert [json.loads(each.value) for each in returned] == early
        for each in returned:
            assert (each.key, each.partition) == (b"mine", 1)
            assert dict(each.headers) == {"trace": b"t1", "returned": b"1"}

        # The rest was left for this run, and cannot be mended: once each, but for what is not whole.
        rest = await replay(house, code=1)
        assert "future" not in rest
        assert figures(rest, "not_json", house.topic("events")) == [1, 0, 1]
        assert figures(rest, "bad_value", house.topic("events")) == [1, 0, 0]
        assert "cannot be put back: not_json" in rest
        assert "value of 950000 bytes" in rest
        await rejected(house, len(early) + 5 + 4)
        assert sorted(each.returned for each in await letters(house))[-5:] == [0, 1, 1, 1, 1]
        second = await replay(house)
        assert "nothing to put back" in second
        assert "4 left: put back before and rejected again; --again" in second
        assert "4 put back" in await replay(house, "--again")
        await rejected(house, len(early) + 5 + 8)
        assert sorted(each.returned for each in await letters(house))[-5:] == [1, 2, 2, 2, 2]
        listing = house.command("dlq", "list")
        assert await listing.ended() == 0
        assert listing.text.count("(returned: 2)") == 4

        # Begun anew everything comes twice, and nothing changes.
        anew = await replay(house, "--from-start", "--reason", "future")
        assert "15 put back" in anew
        instant = now() + 60_000
        await tick(house.producer, house.topic("events"), instant)
        await house.workers[0].wait_said("final")
        result = await house.replayed(instant)
        assert any(each["metrics"].get("messages_in") == 6 for each in result.kpi)
        assert await house.kpi_differences(result.kpi) == []
        assert await house.workers[0].terminate() == 0
    finally:
        await house.close()


async def test_a_raw_payload_comes_back_after_a_change_of_settings(kafka: KafkaServer, tmp_path: Path) -> None:
    house = await House(kafka.bootstrap, tmp_path, config={"intake": {"tenant": TENANT}}).open(partitions=2)
    try:
        worker = await house.worker().wait_ready()
        said = message(id=1, created_at=(wall_ms() - 5_000) // 1000)
        for body in (json.dumps(said).encode(), b"{"):
            await house.producer.send_and_wait(house.topic("raw.chat"), body, b"k")
        await rejected(house, 2)
        assert {each.reason for each in await letters(house)} == {"missing_field"}
        assert "2 put back" in await replay(house)  # before the fix
        await rejected(house, 4)
        assert await worker.terminate() == 0
        assert house.environment.config is not None
        house.environment.config.write_text(yaml.safe_dump({"intake": {"tenant": TENANT, "source": "chatwoot"}}))
        await house.worker().wait_ready()
        assert "2 left" in await replay(house)
        assert "2 put back" in await replay(house, "--again")
        await counted(house, messages_in=1)
        await rejected(house, 5)  # what is no JSON stays what it is
        (last,) = [each for each in await letters(house) if each.returned == 2]
        assert last.reason == "not_json"
        records = await read_all(house.environment, house.topic("raw.chat"))
        received = {dict(each.headers)["received_at"] for each in records if dict(each.headers).get("returned") == b"2"}
        assert received <= {str(each.timestamp).encode() for each in records if not each.headers}
    finally:
        await house.close()


class _Breaking:
    """A producer whose deliveries fail from the n-th record on."""

    def __init__(self, producer: Any, good: int) -> None:
        self._producer, self._good = producer, good

    async def send(self, *arguments: Any, **more: Any) -> Any:
        self._good -= 1
        if self._good < 0:
            raise KafkaTimeoutError
        return await self._producer.send(*arguments, **more)


async def test_what_was_not_delivered_is_put_back_by_the_next_run(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House(kafka.bootstrap, tmp_path).open(partitions=2)
    try:
        worker = await house.worker().wait_ready()
        size = 200_000  # so that a fetch holds a few
        await house.send(*(json.dumps({"n": number}).encode() + b" " * size for number in range(20)))
        await rejected(house, 20)
        assert await worker.terminate() == 0
        put_back: Callable[..., Any] = Returns._put_back

        async def breaking(self: Returns, records: Any, memory: Any, producer: Any, counts: Any) -> Any:
            return await put_back(self, records, memory, broken.setdefault(0, _Breaking(producer, 12)), counts)

        broken: dict[int, _Breaking] = {}
        monkeypatch.setattr(Returns, "_put_back", breaking)
        with pytest.raises(KafkaTimeoutError):
            await Returns(house.environment, Choice(), lambda _outcome: None).run(print)
        monkeypatch.undo()
        progress: list[int] = []

        def told(outcome: Outcome) -> None:
            progress.append(outcome.total(Fate.PUT_BACK))

        second = await Returns(house.environment, Choice(), told).run(print)
        assert 8 <= second.total(Fate.PUT_BACK) < 20
        assert progress == sorted(progress)
        assert second.read == second.to_read
        records = [json.loads(each.value)["n"] for each in await house.events()]
        assert set(records[20:]) <= set(range(20))
        back = [json.loads(each.value)["n"] for each in await house.events() if ("returned", b"1") in each.headers]
        assert set(back) == set(range(20))
        third = await Returns(house.environment, Choice(), told).run(print)
        assert not third.counts
    finally:
        await house.close()


async def test_without_a_memory_only_what_is_surely_new_goes_back(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House(kafka.bootstrap, tmp_path).open(partitions=2)
    try:
        await house.worker().wait_ready()
        await house.send(b"{", b"[")
        await rejected(house, 2)

        async def run(**how: Any) -> Outcome:
            return await Returns(house.environment, Choice(**how), lambda _outcome: None).run(print)

        monkeypatch.setattr("agents.dlq.put_back.wall_ms", lambda: wall_ms() + KEPT_MS + 60_000)
        old = await run(dry_run=True)
        assert (old.older, old.total(Fate.PUT_BACK)) == (2, 0)
        assert (await run(dry_run=True, from_start=True)).total(Fate.PUT_BACK) == 2
        monkeypatch.undo()
        first = await run(limit=1)
        assert (first.older, first.total(Fate.PUT_BACK)) == (0, 1)
        # With a memory the age of a letter says nothing.
        monkeypatch.setattr("agents.dlq.put_back.wall_ms", lambda: wall_ms() + KEPT_MS + 60_000)
        second = await run()
        assert (second.older, second.total(Fate.PUT_BACK)) == (0, 1)
    finally:
        await house.close()
