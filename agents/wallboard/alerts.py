"""Which alerts a page is told of.

They come from several partitions, so that the states of one run may come in any order.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson
import structlog

from agents.wallboard.views import View

_RUNS = 10_000
"""Runs that are remembered."""

log = structlog.get_logger(__name__)

Alert = Mapping[str, Any]
Run = tuple[str, str, str]


def readable(tenant: str, texts: Iterable[bytes]) -> list[Any]:
    """The alerts of these texts (JSON), in the same order; what is none is passed over, and the log says so."""
    found = []
    for text in texts:
        if (alert := _read(text)) is None:
            log.warning("alert_unreadable", tenant=tenant, size=len(text))
        else:
            found.append(alert)
    return found


def _read(text: bytes) -> Any:
    try:
        alert = orjson.loads(text)
    except ValueError:
        return None
    known = isinstance(alert, dict) and isinstance(alert.get("state"), str) and isinstance(alert.get("at"), int)
    return alert if known else None


def run_of(alert: Alert) -> Run:
    """What the states of an alert have in common: a run of a conversation, or an episode of a rule in a scope."""
    if alert.get("kind") == "threshold":
        return str(alert.get("rule")), str(alert.get("scope")), str(alert.get("started_at"))
    return str(alert.get("conversation_id")), str(alert.get("metric")), str(alert.get("instance"))


def _at(alert: Alert) -> int:
    return int(alert.get("at") or 0)


class _Known(NamedTuple):
    """The newest state of a run, and whether anybody was told of the run."""

    state: str
    at: int
    warned: bool

    def takes(self, alert: Alert) -> bool:
        """Whether a state of the run is worth telling after this one."""
        match alert.get("state"):
            case "imminent" | "breached":
                # One that was cancelled may be tracked again.
                return self.state not in _ENDS or (self.state == "cancelled" and _at(alert) > self.at)
            case "retracted":
                return self.warned and self.state not in _ENDS
            case "met" | "cancelled" | "resolved":
                return self.warned
            case "pending":
                return False
            case "firing":
                return self.state not in _ENDS
            case _:
                return True


_ENDS = frozenset({"met", "met_late", "cancelled", "resolved"})
_NEW = _Known("", -1, warned=False)


class Notable:
    """Leaves out good news about runs that nobody was warned of, and what a later state has overtaken."""

    def __init__(self) -> None:
        self._runs: dict[Run, _Known] = {}

    def of(self, alerts: Iterable[Alert]) -> list[Any]:
        """Those to tell of, in the same order; they are remembered."""
        return [alert for alert in alerts if self._takes(alert)]

    def again(self, alerts: Iterable[Alert]) -> list[Any]:
        """Those of alerts remembered long since that are worth telling to somebody who missed them."""
        return [alert for alert in alerts if self._runs.get(run_of(alert), _NEW).takes(alert)]

    def _takes(self, alert: Alert) -> bool:
        run = run_of(alert)
        known = self._runs.pop(run, _NEW)
        taken = known.takes(alert) and (alert.get("state") != "imminent" or _at(alert) > known.at)
        if taken or known is _NEW or alert.get("state") in _ENDS:
            known = _Known(str(alert.get("state")), _at(alert), warned=known.warned or taken)
        self._runs[run] = known
        while len(self._runs) > _RUNS:
            del self._runs[next(iter(self._runs))]
        return taken


class About:
    """Alerts about a view; a run that it was told of is followed to its end, whoever has the conversation then."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._runs: dict[Run, None] = {}

    def of(self, alerts: Iterable[Alert]) -> list[Any]:
        """Those about the view, in the same order."""
        if self.view.scope == "tenant":
            return list(alerts)
        return [alert for alert in alerts if self._takes(alert)]

    def _takes(self, alert: Alert) -> bool:
        run = run_of(alert)
        if not self.view.concerns(alert):
            return run in self._runs
        self._runs[run] = None
        while len(self._runs) > _RUNS:
            del self._runs[next(iter(self._runs))]
        return True
