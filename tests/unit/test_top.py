"""What `sigap top` shows: the text for a board filled by hand."""

from typing import Any, cast

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from agents.cli import main
from agents.top.board import Board
from agents.top.view import draw

NOW = 1_800_000_000_000
START_S = 50.0


def record(scope: str, window: str, seq: int = 1, **metrics: Any) -> dict[str, Any]:
    return {"scope": scope, "window": window, "seq": seq, "partial": False, "metrics": metrics}


def channel(scope: str, level: float, waits_s: float, **more: Any) -> list[dict[str, Any]]:
    figures = {"service_level_ratio": level, "frt_mean_s": 42.4, "frt_p90_s": 95, "conversations_active": 31}
    oldest = NOW - int(waits_s * 1000)
    return [
        record(scope, "15m", **figures | more),
        record(scope, "now", backlog_open=1200, backlog_waiting=4, oldest_waiting_at=oldest),
    ]


def agent(number: int, opened: int) -> list[dict[str, Any]]:
    scope = f"agent:a{number}%2Fjkt"
    return [
        record(scope, "now", backlog_open=opened, backlog_waiting=1, concurrency=2),
        record(scope, "15m", conversations_active=3, frt_mean_s=8, service_level_ratio=0.79),
    ]


SNAPSHOT = {
    "tenant": "acme",
    "settings": {
        "timezone": "Asia/Jakarta",
        "names": {"agents": {"a1/jkt": "Budi Santoso"}, "channels": {"email": "Surat"}},
        "goals": {
            "tenant": {"service_level_ratio": 0.8},
            "channel:chat": {"service_level_ratio": 0.8, "frt_p90_s": 60},
            "channel:email": {"service_level_ratio": 0.8},
        },
        "threshold_s": {"chat": 60.0, "email": 14_400.0},
    },
    "records": [
        *channel("tenant", 0.8, 90),
        *channel("channel:chat", 0.7999, 50),
        *channel("channel:email", 0.5, 3600),
        *[each for number in range(30) for each in agent(number, number)],
        record("agent:a1%2Fjkt/channel:chat", "15m"),
    ],
    "waiting": [
        {"conversation_id": "c\x1b[2J7", "channel": "chat", "waiting_since": NOW - 50_000, "deadline_at": NOW + 10_000},
        {"conversation_id": "m9", "channel": None, "waiting_since": NOW - 3_600_000, "deadline_at": None},
    ],
    "alerts": [
        {"state": "imminent", "metric": "first_response", "conversation_id": "c7", "instance": "1", "at": NOW,
         "level": 2, "deadline_at": NOW + 10_000, "agent_id": "a1/jkt"},
        {"state": "breached", "metric": "next_response", "conversation_id": "c8", "instance": "2", "at": NOW,
         "level": 0, "deadline_at": NOW - 5_000, "agent_id": None},
        {"state": "met", "metric": "resolution", "conversation_id": "c9", "instance": "3", "at": NOW},
    ],
}  # fmt: skip


def status(**more: Any) -> dict[str, Any]:
    return {"redis": True, "heartbeat_age_s": 0.4, "now_at": NOW, "durable": True} | more


@pytest.fixture
def board() -> Board:
    filled = Board("15m")
    filled.take("snapshot", SNAPSHOT, START_S)
    filled.take("status", status(), START_S)
    return filled


def text(board: Board, now_s: float = START_S, width: int = 100, height: int | None = None, keys: str = "") -> str:
    lines = ["".join(span for span, _ in line) for line in draw(board, now_s, width, height, keys)]
    assert all(cell_len(line) <= width for line in lines)
    assert height is None or len(lines) == height
    return "\n".join(line.rstrip() for line in lines)


def line(shown: str, start: str) -> str:
    (found,) = [each for each in shown.splitlines() if each.startswith(start)]
    return " ".join(found.split())


def test_channels_stand_to_their_goals_with_a_sign(board: Board) -> None:
    shown = text(board)
    assert line(shown, "All") == "All ✓ 80% 80% 42s 1m 35s 4 1m 30s 1,200 31"
    assert line(shown, "Chat") == "Chat ▲ 79.9% 80% 42s ✕ 1m 35s 4 ▲ 50s 1,200 31"
    assert line(shown, "Surat") == "Surat ✕ 50% 80% 42s 1m 35s 4 1h 00m 1,200 31"


def test_the_oldest_wait_ticks_by_itself(board: Board) -> None:
    assert " ✕ 1m 01s " in line(text(board, START_S + 4), "Chat") or "▲ 54s" in line(text(board, START_S + 4), "Chat")
    board.take("status", status(now_at=NOW + 11_000), START_S + 11)
    assert "✕ 1m 01s" in line(text(board, START_S + 11), "Chat")
    assert "late by 1s" in text(board, START_S + 11)


def test_agents_the_most_loaded_first_as_many_as_fit(board: Board) -> None:
    shown = text(board)
    assert "Agents  30, most open first" in shown
    assert line(shown, "a29/jkt") == "a29/jkt 29 1 2 3 - 8.0s ▲ 79%"
    assert shown.index("a29/jkt") < shown.index("a2/jkt") < shown.index("Budi Santoso") < shown.index("a0/jkt")
    for height in (24, 40):
        small = text(board, width=80, height=height, keys="q quits")
        assert "a29/jkt" in small
        assert "a0/jkt" not in small
        assert small.endswith("q quits")


@pytest.mark.parametrize("width", [20, 40, 80, 129, 130, 200])
@pytest.mark.parametrize("height", [1, 2, 7, 9, 12, 15, 24, 60])
def test_every_size_is_kept(board: Board, width: int, height: int) -> None:
    text(board, width=width, height=height, keys="q quits")
    text(board, START_S + 99, width, height)
    text(Board("today"), width=width, height=height)


def test_waits_and_alerts(board: Board) -> None:
    shown = text(board)
    assert line(shown, r"c\x1b[2J7") == r"c\x1b[2J7 Chat 50s ▲ due in 10s"
    assert line(shown, "m9") == "m9 1h 00m"
    breached, soon = [" ".join(each.split()) for each in shown.split("Alerts\n")[1].splitlines()]
    assert breached == "✕ Breached Next response c8 late 5s 15:00:00"
    assert soon == "◔ Due soon (2) First response c7 · Budi Santoso in 10s 15:00:00"
    (alert, *_) = cast("list[dict[str, Any]]", SNAPSHOT["alerts"])
    board.take("delta", {"alerts": [alert | {"state": "breached"}]}, START_S)
    assert text(board).split("Alerts\n")[1].startswith("✕ Breached  First response")
    board.take("delta", {"alerts": [alert | {"state": "met_late", "late_s": 61}]}, START_S)
    assert "late 1m 01s" in text(board)


def test_threshold_alerts_show_their_rule() -> None:
    board = Board("15m")
    rule = {"kind": "threshold", "rule": "slow-chat", "scope": "channel:chat", "state": "firing", "at": NOW}
    board.take("snapshot", SNAPSHOT | {"alerts": [rule]}, START_S)
    assert line(text(board), "✕ Firing") == "✕ Firing slow-chat channel:chat 15:00:00"


def test_a_record_is_replaced_only_by_a_newer_one(board: Board) -> None:
    board.take("delta", {"records": [record("tenant", "15m", 0, conversations_active=7)]}, START_S)
    assert line(text(board), "All").endswith(" 31")
    board.take("delta", {"records": [record("tenant", "15m", 2, conversations_active=7)]}, START_S)
    assert line(text(board), "All").endswith(" 7")


def test_the_header_says_how_it_stands(board: Board) -> None:
    def header(now_s: float = START_S) -> str:
        return " ".join(text(board, now_s).splitlines()[0].split())

    assert " ".join(text(Board("1h")).splitlines()[0].split()) == "Sigap - · last hour ◌ Connecting"
    assert header() == "Sigap acme · last 15 min ● Live 15:00:00"
    board.take("status", status(heartbeat_age_s=None), START_S)
    assert header().endswith("▲ No worker 15:00:00")
    board.take("status", status(heartbeat_age_s=11.0), START_S)
    assert header(START_S + 2).endswith("✕ Stale as of 15:00:00")
    board.take("status", {"redis": False}, START_S + 3)
    assert header(START_S + 3).endswith("✕ Redis away as of 15:00:00")
    board.problem = "The server does not answer."
    assert "✕ No connection: The server does not answer. Figures stand still; trying again." in text(board, START_S + 3)
    board.take("status", status(), START_S + 4)
    assert header(START_S + 4) == "Sigap acme · last 15 min ● Live 15:00:00"
    assert header(START_S + 10).endswith("✕ No connection as of 15:00:00")


def test_what_stands_still_does_not_tick(board: Board) -> None:
    text(board, START_S + 1)
    board.take("status", {"redis": False}, START_S + 2)
    assert "▲ 51s" in line(text(board, START_S + 100), "Chat")


def test_partial_and_not_durable_are_said(board: Board) -> None:
    board.take("status", status(durable=False), START_S)
    lagging = record("tenant", "15m", 5) | {"partial": True, "lag_s": 12.4}
    board.take("delta", {"records": [lagging]}, START_S)
    shown = text(board)
    assert "▲ Partial: A part of the events is still being read, 12 s behind: figures may be too low." in shown
    assert "◆ Not durable" in shown
    assert "▲ Partial" in shown.splitlines()[0]


@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        (["--window", "7m"], "'5m', '15m', '30m', '1h', 'today'"),
        (["--url", "localhost:8080"], "http://HOST:PORT"),
        ([], "redis://"),
    ],
)
def test_a_wrong_call_exits_2(call: list[str], allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIGAP_REDIS", raising=False)
    result = CliRunner().invoke(main, ["top", *call])
    assert result.exit_code == 2
    assert allowed in result.output
