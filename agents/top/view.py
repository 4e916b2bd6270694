"""The board as a terminal shows it: header, channels, agents, longest waits, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from agents.printable import printable
from agents.top.board import Board, Row
from agents.top.formats import NONE, SIGNS, STYLES, duration, number, percent, standing, ticking
from agents.top.grid import Line, Span, beside, fit, length, sides, table

WINDOWS: Final = {"5m": "last 5 min", "15m": "last 15 min", "30m": "last 30 min", "1h": "last hour", "today": "today"}
"""The windows that figures are shown for, in the order of the key `w`."""

_WIDE = 130  # columns from which lists stand beside the agents
_METRICS = {
    "first_response": "First response",
    "next_response": "Next response",
    "resolution": "Resolution",
    "reply_window": "Reply window",
}
_STATES = {
    "imminent": ("◔", "Due soon", "yellow"),
    "breached": ("✕", "Breached", "bold red"),
    "met": ("✓", "Met", "green"),
    "met_late": ("◑", "Met late", "yellow"),
    "cancelled": ("-", "Cancelled", "dim"),
    "retracted": ("↺", "Retracted", "dim"),
    "pending": ("◔", "Pending", "yellow"),
    "firing": ("✕", "Firing", "bold red"),
    "resolved": ("✓", "Resolved", "green"),
}
_LOOKS = {"bad": ("✕", "bold red"), "warn": ("▲", "yellow"), "info": ("◆", "cyan")}
_CHANNELS = ("", "level", "goal", "FRT mean", "FRT p90", "waiting", "oldest wait", "open", "active")
_AGENTS = ("", "open", "waiting", "at once", "active", "handled", "FRT mean", "service level")
_SOON_MS = 60_000
_NEAR = 0.8
_LEAST = 3  # lines of a list worth showing: a title, a heading, a row


def draw(board: Board, now_s: float, width: int, height: int | None = None, keys: str = "") -> list[Line]:
    """The board in `width` columns and `height` lines; None shows everything, for a file or a pipe.

    `now_s` is `running_s()`; `keys` is what the last line says of them.
    """
    head = [_header(board, now_s, width)]
    for each in board.banners(now_s):
        sign, style = _LOOKS[each.look]
        head.append(fit(((f"{sign} {each.word}: {each.text}", style),), width))
    head += [(), *_channels(board, now_s, width), ()]
    if height is None:
        return [*head, *_stacked(board, now_s, width, None)]
    foot: list[Line] = [fit(((keys, "dim"),), width)] if keys else []
    room = height - len(head) - len(foot)
    body = (_beside if width >= _WIDE else _stacked)(board, now_s, width, room) if room >= _LEAST else []
    gap = [()] * (room - len(body))
    return [*head, *body, *gap, *foot][:height]


def _header(board: Board, now_s: float, width: int) -> Line:
    links = [each for each in board.banners(now_s) if each.look != "info"]
    if links:
        sign, style = _LOOKS[links[0].look]
        word = links[0].word
    else:
        sign, style, word = ("●", "green", "Live") if board.complete else ("◌", "yellow", "Connecting")
    at = board.clock(now_s)
    time = "" if at is None else f"  {'as of ' if board.still(now_s) else ''}{_time(board, at)}"
    title = f"  {printable(board.tenant or NONE)} · {WINDOWS[board.window]}"
    return sides((("Sigap", "bold"), (title, "")), ((f"{sign} {word}", style), (time, "")), width)


# --- channels and agents ---------------------------------------------------------------------------


def _channels(board: Board, now_s: float, width: int) -> list[Line]:
    now_at = board.clock(now_s)
    rows = [
        (
            (printable(row.name), "bold" if row.scope == "tenant" else ""),
            _level(row),
            (percent(row.goals.get("service_level_ratio")), ""),
            _figure(row, "frt_mean_s"),
            _figure(row, "frt_p90_s"),
            (number(row.gauges.get("backlog_waiting")), ""),
            _oldest(row, now_at),
            (number(row.gauges.get("backlog_open")), ""),
            (number(row.metrics.get("conversations_active")), ""),
        )
        for row in (board.tenant_row(), *board.channels())
    ]
    return table(rows, width, texts=1, heading=_CHANNELS)


def _agents(board: Board, width: int, lines: int | None) -> list[Line]:
    found = board.agents()
    shown = found if lines is None else found[: lines - 2]
    rows = [
        (
            (printable(row.name), ""),
            (number(row.gauges.get("backlog_open")), ""),
            (number(row.gauges.get("backlog_waiting")), ""),
            (number(row.gauges.get("concurrency")), ""),
            (number(row.metrics.get("conversations_active")), ""),
            (number(row.metrics.get("conversations_handled")), ""),
            (duration(row.metrics.get("frt_mean_s")), ""),
            _level(row),
        )
        for row in shown
    ]
    part = "" if len(shown) == len(found) else f"{len(shown)} of "
    title = _title("Agents", f"{part}{len(found)}, most open first" if found else "none yet", width)
    return [title, *table(rows, width, texts=1, heading=_AGENTS if rows else ())]


def _level(row: Row) -> Span:
    level = row.metrics.get("service_level_ratio")
    return _judged(standing("service_level_ratio", level, row.goals.get("service_level_ratio")), percent(level))


def _figure(row: Row, metric: str) -> Span:
    value = row.metrics.get(metric)
    return _judged(standing(metric, value, row.goals.get(metric)), duration(value))


def _oldest(row: Row, now_at: int | None) -> Span:
    since = row.gauges.get("oldest_waiting_at")
    if not since or now_at is None:
        return NONE, ""
    waited_s, limit_s = (now_at - since) / 1000, row.threshold_s
    near = limit_s is not None and waited_s > limit_s * _NEAR
    how = ("bad" if limit_s is not None and waited_s > limit_s else "warn") if near else None
    return _judged(how, ticking(now_at - since))


def _judged(how: str | None, text: str) -> Span:
    return (text, "") if how is None else (f"{SIGNS[how]} {text}", STYLES[how])


# --- lists -------------------------------------------------------------------------------------------


def _waits(board: Board, now_s: float, width: int, lines: int | None) -> list[Line]:
    now_at = board.clock(now_s) or 0
    rows = []
    for each in board.waiting:
        left = None if each["deadline_at"] is None else each["deadline_at"] - now_at
        rows.append(
            (
                (printable(each["conversation_id"]), ""),
                (printable(board.channel_name(each["channel"])), ""),
                (ticking(now_at - each["waiting_since"]), ""),
                _due(left),
            )
        )
    return _titled("Longest waits", "nobody waits", rows, width, lines, texts=2)


def _due(left_ms: int | None) -> Span:
    if left_ms is None:
        return "", ""
    if left_ms < 0:
        return f"✕ late by {ticking(-left_ms)}", "bold red"
    return (f"▲ due in {ticking(left_ms)}", "yellow") if left_ms < _SOON_MS else (f"due in {ticking(left_ms)}", "")


def _alerts(board: Board, now_s: float, width: int, lines: int | None) -> list[Line]:
    now_at = board.clock(now_s) or 0
    rows = []
    for alert in board.alerts():
        state = str(alert.get("state"))
        sign, word, style = _STATES.get(state, ("?", printable(state), ""))
        level = f" ({alert['level']})" if state == "imminent" and alert.get("level", 0) > 1 else ""
        metric = str(alert.get("rule") or _METRICS.get(str(alert.get("metric")), alert.get("metric")))
        agent = alert.get("agent_id")
        where = [alert.get("conversation_id") or alert.get("scope"), agent and board.agent_name(agent)]
        rows.append(
            (
                (f"{sign} {word}{level}", style),
                (printable(metric), ""),
                (printable(" · ".join(str(each) for each in where if each)), ""),
                (_late(alert, now_at), style),
                (_time(board, alert["at"]), ""),
            )
        )
    return _titled("Alerts", "none", rows, width, lines, texts=3)


def _late(alert: dict[str, Any], now_at: int) -> str:
    past = now_at - (alert.get("deadline_at") or now_at)
    match alert.get("state"):
        case "breached":
            return f"late {ticking(past)}"
        case "imminent":
            return f"in {ticking(-past)}" if past < 0 else "due"
        case "met_late":
            return f"late {ticking((alert.get('late_s') or 0) * 1000)}"
    return ""


# --- room ----------------------------------------------------------------------------------------------


def _stacked(board: Board, now_s: float, width: int, lines: int | None) -> list[Line]:
    """Agents, below them the lists: up to half of the lines."""
    if lines is None:
        waits, alerts = _waits(board, now_s, width, None), _alerts(board, now_s, width, None)
        return [*_agents(board, width, None), (), *waits, (), *alerts]
    share = lines // 4
    if share < _LEAST - 1:
        return _agents(board, width, lines)
    alerts, waits = _alerts(board, now_s, width, share), _waits(board, now_s, width, share)
    room = lines - len(alerts) - len(waits)
    agents = _agents(board, width, room)
    return [*agents, *([()] * (room - len(agents))), *waits, *alerts]


def _beside(board: Board, now_s: float, width: int, lines: int) -> list[Line]:
    """Agents, and the lists right of them."""
    agents = _agents(board, width // 2, lines)
    at = max(length(each) for each in agents) + 4
    waits = _waits(board, now_s, width - at, lines // 2)
    return beside(agents, [*waits, (), *_alerts(board, now_s, width - at, lines - len(waits) - 1)], at)


def _titled(
    title: str, empty: str, rows: Sequence[Sequence[Span]], width: int, lines: int | None, *, texts: int
) -> list[Line]:
    shown = rows if lines is None else rows[: lines - 1]
    note = empty if not rows else "" if len(shown) == len(rows) else f"{len(shown)} of {len(rows)}"
    return [_title(title, note, width), *table(shown, width, texts=texts)]


def _title(title: str, note: str, width: int) -> Line:
    return fit(((title, "bold"), (f"  {note}", "dim")) if note else ((title, "bold"),), width)


def _time(board: Board, at: int) -> str:
    zone = ZoneInfo(board.settings["timezone"]) if "timezone" in board.settings else UTC
    return datetime.fromtimestamp(at / 1000, zone).strftime("%H:%M:%S")
