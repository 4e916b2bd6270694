"""A record of our own logs that is none ends the worker, and the error says which one it is."""

import pytest

from streams.engine.journal import HEAD, OUTBOX, Head, decode_outputs
from streams.engine.ports import Record, Unreadable
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

SETTINGS = Settings.load(None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"acme/c1", b"no MessagePack"),
        (b"=a|acme/ana", b"\x91\x01"),
        (b"=c|acme|tenant|now", b"\x80"),
        (b"=s|acme/k1", b"\xc1"),
        (b"=v|acme/", b"\x91\x90"),
        (b"=v|\xff", b"\x91\x90"),
    ],
)
def test_of_the_changelog(key: bytes, value: bytes) -> None:
    shard = Shard(0, 1, SETTINGS, lambda: 0, "events")
    shard.restore(key, value)
    with pytest.raises(Unreadable) as caught:
        shard.recovered(0)
    assert str(caught.value).startswith(f"record {key!r}: damaged, or of a newer version (")


def test_of_the_engine() -> None:
    with pytest.raises(Unreadable, match="x00h"):
        Head.decode(b"three")
    with pytest.raises(Unreadable, match="x00o"):
        decode_outputs(b"\x91\x01")
    assert (HEAD, OUTBOX) == (b"\0h", b"\0o")


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"x", b""), (b"d|acme/tenant|1", b"\x91\x01"), (b"n|acme/tenant|one", b"refund"), (b"t|acme/tenant/old", b"{}")],
)
def test_of_the_roll_up_s_state(key: bytes, value: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        Rollup(0, 1, SETTINGS).restore_state(key, value)
    assert repr(key) in str(caught.value)


def test_of_what_was_published() -> None:
    with pytest.raises(Unreadable, match="acme/tenant/now"):
        Rollup(0, 1, SETTINGS).restore(b"acme/tenant/now", b"{}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"0|clock", b"\x91\x01"),
        (b"9|clock", b"\x97\x01\x01\x01\x01\xc2\xc2\x00"),
        (b"0|acme|=x|oana", b"\x94\0\0\0\0"),
    ],
)
def test_of_the_partials(key: bytes, value: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        Rollup(0, 1, SETTINGS).apply([Record(key, value, 0, 0)], 0)
    assert repr(key) in str(caught.value)
