"""What the fetching thread knows of a partition's end."""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

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

    async def _proc_fetch_request(self, assignment: Assignment, node_id: int, request: Any) -> bool:
        state, end = assignment.states[TP], request.end
        await asyncio.sleep(0.05)
        if node_id:
            state.highwater, state.timestamp = end, wall_ms()
        return True


def request(end: int) -> Any:
    return SimpleNamespace(topics=[("events", [(0, 7, None), (1, 7, None)])], end=end)


async def test_an_end_is_known_for_the_instant_at_which_it_was_asked_for() -> None:
    fetcher, assignment = Fetcher(), Assignment()
    note_progress(fetcher)
    before = wall_ms()
    assert await fetcher._proc_fetch_request(assignment, 1, request(12))
    progress = assignment.states[TP].progress
    assert progress.end == 12
    assert before <= progress.asked_ms <= wall_ms() - 45


async def test_an_answer_that_says_nothing_of_a_partition_changes_nothing() -> None:
    fetcher, assignment = Fetcher(), Assignment()
    note_progress(fetcher)
    await fetcher._proc_fetch_request(assignment, 0, request(12))
    assert assignment.states[TP].progress is None
