"""Whatever comes in, decoding gives an event or says why not; the quick and the slow look agree."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codecs import Rejected, decode, decode_id, encode, encode_id
from streams.events import SCORES
from streams.rejects import REASONS, classify
from tests.fuzz import targets
from tests.fuzz.targets import NOW

unhurried = settings(deadline=None)  # a busy machine is no bug

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
utf8 = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
slugs = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")


def of(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "v": st.just(1),
        "tenant": slugs,
        "event_id": utf8,
        "at": st.integers(1, NOW + 300_000),
        "type": st.just(kind),
    }
    if kind != "presence":
        common |= {"conversation_id": utf8, "channel": slugs}
    required = {name: each for name, each in fields.items() if not name.startswith("opt_")}
    optional = {name.removeprefix("opt_"): each for name, each in fields.items() if name.startswith("opt_")}
    return st.fixed_dictionaries(common | required, optional=optional)


events = st.one_of(
    of(
        "message",
        direction=st.sampled_from(["inbound", "outbound"]),
        author=st.sampled_from(["customer", "bot", "system"]),
        opt_agent_id=st.none() | utf8,
        opt_customer_id=st.none() | utf8,
        opt_private=st.booleans(),
        opt_auto=st.booleans(),
    ),
    of("message", direction=st.just("outbound"), author=st.just("agent"), agent_id=utf8),
    of("assigned", opt_agent_id=st.none() | utf8, opt_team=st.none() | utf8),
    of("handoff", opt_team=st.none() | utf8),
    of("status", status=st.sampled_from(["open", "pending", "on_hold", "resolved"]), opt_agent_id=utf8),
    of("priority", priority=st.sampled_from(["low", "normal", "high", "urgent"])),
    of("tagged", opt_add=st.lists(utf8, max_size=3), opt_remove=st.lists(utf8, max_size=3)),
    *(of("survey", survey=st.just(name), score=st.integers(*ends)) for name, ends in SCORES.items()),
    of("delivery", message_id=utf8, state=st.sampled_from(["sent", "delivered", "read", "failed"])),
    of(
        "presence",
        agent_id=utf8,
        state=st.sampled_from(["online", "busy", "away", "offline"]),
        opt_capacity=st.integers(0, 99),
    ),
)
mutated = st.builds(
    lambda event, changes, gone: {name: each for name, each in (event | changes).items() if name not in gone},
    events,
    st.dictionaries(
        st.sampled_from(
            ["v", "at", "type", "tenant", "channel", "agent_id", "score", "add", "private", "team", "author"]
        ),
        json_values | utf8,
        max_size=2,
    ),
    st.sets(
        st.sampled_from(["v", "type", "tenant", "event_id", "at", "agent_id", "score", "state", "status"]), max_size=1
    ),
)


@unhurried
@given(st.binary(max_size=200))
def test_arbitrary_bytes(value: bytes) -> None:
    targets.event(value)


@unhurried
@given(json_values)
def test_arbitrary_json(value: object) -> None:
    targets.event(json.dumps(value).encode())


@unhurried
@given(events, st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_event(event: dict[str, Any], place: int, junk: bytes) -> None:
    value = json.dumps(event, ensure_ascii=False).encode()
    targets.event(value[:place] + junk + value[place + len(junk) :])
    targets.event(value[:place] + junk + value[place:])
    targets.event(value[:place])


@unhurried
@given(events, st.booleans())
def test_every_valid_event_is_written_back(event: dict[str, Any], ascii_only: bool) -> None:
    decoded = decode(json.dumps(event, ensure_ascii=ascii_only).encode(), NOW)
    assert decode(encode(decoded), NOW) == decoded
    for name, value in event.items():
        if name != "type":
            held = getattr(decoded, name)
            assert (list(held) if isinstance(held, tuple) else held) == value


@unhurried
@given(mutated)
def test_the_slow_look_finds_what_the_quick_one_refuses(event: dict[str, Any]) -> None:
    value = json.dumps(event).encode()
    found = classify(value)
    assert found.reason in REASONS
    # Where the slow look finds no fault it can only guess at what the standard library lets pass.
    faultless = found.detail.startswith("half of a surrogate")
    refused = reason_of(value)
    if faultless:
        assert refused is None or refused.startswith("future:")
    else:
        assert refused == str(found)


def reason_of(value: bytes) -> str | None:
    try:
        decode(value, NOW)
    except Rejected as rejected:
        return str(rejected)
    return None


@unhurried
@given(st.text())
def test_ids_come_back(text: str) -> None:
    assert decode_id(encode_id(text)) == text
    assert not set("/:| ") & set(encode_id(text))
