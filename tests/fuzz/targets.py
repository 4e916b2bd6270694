"""What is fuzzed, by name: each takes any bytes, and may raise nothing but what it lets pass itself.

Used by `python -m tests.fuzz` and, with Hypothesis, by `tests/property/test_*_fuzz.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple

from streams.channels import Reading, Rejected, read
from streams.codecs import decode, decode_business, encode
from streams.engine import frontier
from streams.engine.journal import Replay, decode_outputs
from streams.engine.ports import GARBLED, Record, Unreadable
from streams.events import MAX_AT
from streams.rejects import REASONS
from tables import history
from tables.rollup import Rollup
from tables.rules import Rules
from tables.settings import Settings, SettingsError
from tables.shard import Shard
from tests.fuzz import seeds

NOW = 1_800_000_000_000
_SETTINGS = Settings.load(None)
_RULES = Rules(_SETTINGS, "acme")


class Target(NamedTuple):
    """`take` does not mind whatever bytes it gets; `seeds` are what to begin with."""

    take: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


# -- what comes from outside --------------------------------------------------------------------------------


def event(value: bytes) -> None:
    """An event that is JSON in any reader's eyes and comes back as it is, or the typed error."""
    with suppress(Rejected):
        found = decode(value, NOW)
        json.loads(value)
        assert decode(encode(found), NOW) == found


def business(value: bytes) -> None:
    """The same, of a business event."""
    with suppress(Rejected):
        found = decode_business(value, NOW)
        assert decode_business(encode(found), NOW) == found


def raw(channel: str, body: bytes, source: str = "") -> None:
    """Events that come back as they are, or the typed error; twice the same."""
    headers = {"source": source, "received_at": "1718186400000"}
    reading = Reading((), (), ())
    with suppress(Rejected):
        reading = read(channel, body, headers)
    assert {fault.reason for fault in reading.faults} <= REASONS.keys()
    for each in reading.events:
        assert decode(encode(each), MAX_AT) == each
    assert not reading.events or read(channel, body, headers).events == reading.events


def chat(source: str, body: bytes) -> None:
    raw("chat", body, source)


# -- what workers have written themselves -------------------------------------------------------------------


def conversation(value: bytes) -> None:
    """A conversation that is written back as it was read."""
    with suppress(*GARBLED):
        found = history.decode(value, "c", _RULES)
        assert history.decode(found.encode(), "c", _RULES).encode() == found.encode()


def changelog(line: bytes) -> None:
    """A record of the changelog, the engine's own or a shard's."""
    with suppress(Unreadable):
        shard = Shard(0, 1, _SETTINGS, lambda: NOW, "events")
        replay = Replay(shard.restore)
        replay.apply([record(line)])
        for value in replay.outbox.values():
            decode_outputs(value)
        shard.recovered(0, NOW)


def rollup(line: bytes) -> None:
    """A record of the roll-up's state."""
    with suppress(Unreadable):
        key, value, *_ = record(line)
        found = Rollup(0, 2, _SETTINGS)
        found.restore_state(key or b"", value)
        found.recovered(1)


def kpi(value: bytes) -> None:
    """What was published last."""
    with suppress(Unreadable):
        Rollup(0, 2, _SETTINGS).restore(b"k", value)


def partials(line: bytes) -> None:
    """A partial aggregate."""
    with suppress(Unreadable):
        Rollup(0, 2, _SETTINGS).apply([record(line)], NOW)


def feeds(value: bytes) -> None:
    """A worker's word on how far it has fed the events."""
    with suppress(*GARBLED):
        frontier.decode(value)


def record(line: bytes) -> Record:
    """A record of a log: its key up to the first line's end, then its value."""
    key, _, value = line.partition(b"\n")
    return Record(key, value, 0, NOW)


# -- settings -----------------------------------------------------------------------------------------------


def yaml(text: bytes) -> None:
    """A settings file; what is wrong with it can be printed."""
    path = Path(gettempdir()) / "sigap-fuzz.yaml"
    path.write_bytes(text)
    try:
        Settings.load(path)
    except SettingsError as wrong:
        str(wrong).encode()


def mapping(text: bytes) -> None:
    """Settings as they are given in code, here as JSON."""
    found = None
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
    if isinstance(found, dict):
        with suppress(SettingsError):
            Settings.from_mapping(found)


TARGETS = {
    "events": Target(event, seeds.events),
    "business": Target(business, seeds.business),
    "whatsapp": Target(partial(raw, "whatsapp"), partial(seeds.payloads, "whatsapp")),
    "email": Target(partial(raw, "email"), seeds.mails),
    "chatwoot": Target(partial(chat, "chatwoot"), partial(seeds.payloads, "chatwoot")),
    "intercom": Target(partial(chat, "intercom"), partial(seeds.payloads, "intercom")),
    "conversation": Target(conversation, seeds.conversations),
    "changelog": Target(changelog, partial(seeds.records, "_conversations")),
    "rollup": Target(rollup, partial(seeds.records, "_rollup")),
    "kpi": Target(kpi, seeds.kpis),
    "partials": Target(partials, seeds.partials),
    "feeds": Target(feeds, seeds.feeds),
    "yaml": Target(yaml, seeds.settings),
    "mapping": Target(mapping, seeds.mappings),
}
