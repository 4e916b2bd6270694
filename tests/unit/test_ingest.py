"""Raw records in: whatever their headers hold, a record becomes events or a dead letter."""

from collections.abc import Sequence

import pytest

from agents.ingest import Ingest
from streams.engine.ports import Output, Record
from tables.settings import Settings


@pytest.mark.parametrize("header", [("trace", None), ("tenant", None), ("tenant", b"\xff A"), ("received_at", b"soon")])
async def test_a_header_of_any_kind_stops_nothing(header: tuple[str, bytes]) -> None:
    published: list[Output] = []

    async def publish(outputs: Sequence[Output]) -> None:
        published.extend(outputs)

    ingest = Ingest(Settings.load(None), None, publish, lambda name: f"sigap.{name}")
    await ingest.handlers()["raw.whatsapp"](0, [Record(b"k", b"{", 0, 1, (header,))])
    (letter,) = published
    assert letter.topic == "dlq"
    assert header in letter.headers
