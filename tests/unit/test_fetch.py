"""What the fetching thread knows of a partition's end."""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError
from aiokafka.protocol.fetch import FetchRequest

from streams.clock import wall_ms
from streams.engine.faust.fetch import note_progress

TP = TopicPartition("events", 0)


class Assignment:
    def __init__(self) -> None:
        self.states = {TP: SimpleNamespace(timestamp=None, highwater=None, progress=None)}

    def state_value(self, tp: TopicPartition) -> Any:
        return self.states.get(tp)


class Fetcher:
    """Answers late with the end there was when it was asked, and notes the instant of the answer, as stock does."""

    def __init__(self, *ends: int | KafkaError) -> None:
        self.ends = list(ends)
        """What is answered to those who ask for the end itself."""

    async def _proc_fetch_request(self, assignment: Assignment, node_id: int, request: Any) -> bool:
        state, end = assignment.states[TP], request.end if node_id else None
        await asyncio.sleep(0.05)
        if end is not None:
            state.highwater, state.timestamp = end, wall_ms()
        return True

    async def end_offsets(self, tps: list[TopicPartition], timeout_ms: int) -> dict[TopicPartition, int]:
        del timeout_ms
        answer = self.ends.pop(0)
        if isinstance(answer, KafkaError):
            raise answer
        return dict.fromkeys(tps, answer)


class Leader:
    """Partition 0 as its readers see it, asked again and again."""

    def __init__(self, *ends: int | KafkaError) -> None:
        self.fetcher, self.assignment = Fetcher(*ends), Assignment()
        note_progress(self.fetcher)

    async def asked(self, end: int | None, node: int = 1) -> Any:
        """A fetch that node answers with an end, or with nothing; what is known then."""
        topics = [("events", [(0, 7, None), (1, 7, None)])]
        request = SimpleNamespace(topics=topics, end=end, _CLASSES=FetchRequest._CLASSES)
        assert await self.fetcher._proc_fetch_request(self.assignment, node, request)
        assert request._CLASSES[-1].API_VERSION == 10  # of later ones a follower answers too
        return self.assignment.states[TP].progress


async def test_an_end_is_known_for_the_instant_at_which_it_was_asked_for() -> None:
    leader, before = Leader(12), wall_ms()
    progress = await leader.asked(12)
    assert progress.end == 12
    assert before <= progress.asked_ms <= wall_ms() - 45


async def test_an_answer_that_says_nothing_of_a_partition_changes_nothing() -> None:
    assert await Leader().asked(None) is None


async def test_a_new_leader_is_asked_how_much_has_been_acknowledged() -> None:
    leader = Leader(12, LeaderNotAvailableError(), 15)
    assert (await leader.asked(12)).end == 12
    before = await leader.asked(13)
    assert before.end == 13
    # Elected, and its followers have not told it yet what they hold: the clock waits.
    assert await leader.asked(11, node=2) == before
    assert (await leader.asked(11, node=2)).end == 15
    assert (await leader.asked(16, node=2)).end == 16
    assert leader.fetcher.ends == []


async def test_a_leader_that_did_not_answer_may_have_been_elected_anew() -> None:
    leader = Leader(12, 14)
    await leader.asked(12)
    await leader.asked(None)
    assert (await leader.asked(13)).end == 14
