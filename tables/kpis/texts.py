"""The metrics of a window as JSON, kept by KPI: after a change only those that read what has changed are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tables.kpis import Reading, readings
from tables.settings import Settings
from tables.subjects import EVERYTHING
from tables.window import Window

if TYPE_CHECKING:
    from tables.kpis.metric import Value
    from tables.settings import TenantSettings

_encode = msgspec.json.Encoder().encode


def _text(reading: Reading, window: Window, tenant: TenantSettings) -> bytes:
    """The members of a JSON object, without its braces."""
    out: dict[str, Value] = {}
    reading.read(window, out, tenant)
    return _encode(out)[1:-1]


_NOTHING = Settings.load(None).tenant("")
_EMPTY = {reading: _text(reading, Window(), _NOTHING) for reading in readings("tenant")}
"""What most windows say of most KPIs, held once for all of them."""


class Texts:
    """What one window of one scope says."""

    __slots__ = ("_parts", "_readings")

    def __init__(self, scope: str) -> None:
        self._readings = readings(scope)
        self._parts: list[bytes] = []

    def read(self, window: Window, tenant: TenantSettings) -> bytes:
        """The members of the object `metrics`; takes note of what has changed since the last call."""
        moved, window.moved = window.moved, 0
        parts = self._parts
        if not parts:
            moved = EVERYTHING
            parts += [b""] * len(self._readings)
        for place, reading in enumerate(self._readings):
            if reading.reads & moved:
                text = _text(reading, window, tenant)
                empty = _EMPTY[reading]
                parts[place] = empty if text == empty else text
        return b",".join(parts)
