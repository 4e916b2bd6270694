"""What a roll-up knows of a scope: its windows, and what was last published of it; and a KPI record as JSON."""

from __future__ import annotations

import msgspec

from tables.intervals import Past
from tables.kpis.texts import Texts
from tables.occupancy import Occupancy
from tables.scopes import has_days, has_occupancy
from tables.windows import ScopeWindows

_encode = msgspec.json.Encoder().encode
_METRICS = b',"metrics":'


class Published(msgspec.Struct, frozen=True):
    """What is read back of a KPI record."""

    tenant: str
    scope: str
    window: str
    seq: int
    partial: bool
    metrics: msgspec.Raw


class Tracked:
    """A scope with its windows and with what was last published of it."""

    __slots__ = (
        "days_closed_at",
        "key",
        "name",
        "occupancy",
        "occupancy_of",
        "past",
        "published_at",
        "seqs",
        "shade",
        "stirred_at",
        "tenant",
        "texts",
        "values",
        "windows",
    )

    def __init__(self, tenant: str, name: str) -> None:
        self.tenant = tenant
        self.name = name
        self.key = f"{tenant}/{name}"
        self.windows = ScopeWindows(by_day=has_days(name), topics=name == "tenant")
        self.past = Past()
        self.occupancy = Occupancy(name) if has_occupancy(name) else None
        self.occupancy_of = 0
        """The minute for which it was counted; 0: something has come since."""
        self.texts: dict[str, Texts] = {}
        """The metrics as text, by window."""
        self.values: dict[str, bytes] = {}
        """The records last published, by window."""
        self.seqs: dict[str, int] = {}
        self.published_at = 0
        self.days_closed_at = 0
        """The minute before which whole days have been closed."""
        self.stirred_at = 0
        """When the first change came that is not published yet, in ms of the wall clock."""
        self.shade: tuple[bool, int] | None = None
        """The `partial` and `lag_s` that were last published."""

    def says(self, window: str, metrics: bytes) -> bool:
        """Whether the record last published of a window has these metrics, as JSON."""
        return self.values.get(window, b"").endswith(_METRICS + metrics + b"}")

    @property
    def quiet(self) -> bool:
        """Whether the clock alone changes nothing here."""
        return self.windows.quiet and not any(any(each.occupancy) for each in self.windows.named.values())


def record(
    tracked: Tracked, window: str, start: int, as_of: int, seq: int, shade: tuple[bool, int], metrics: bytes
) -> bytes:
    """A KPI record as JSON. `start` and `as_of` in ms; `shade` is (partial, lag in ms)."""
    partial, lag = shade
    shading = f'true,"lag_s":{lag / 1000}' if partial else "false"
    head = (
        f'{{"v":1,"tenant":"{tracked.tenant}","scope":{_encode(tracked.name).decode()},"window":"{window}",'
        f'"window_start_at":{start},"as_of":{as_of},"seq":{seq},"partial":{shading}'
    )
    return b"".join((head.encode(), _METRICS, metrics, b"}"))
