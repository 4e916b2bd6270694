"""Figures of a believable contact centre, from a seed, to fill a page with."""

import random
from typing import Any

import orjson

from agents.sinks.pending import AlertItem, KpiItem, SeriesItem, Waiting
from tables.days import QUARTER_MS

NAMES = [
    "Budi Santoso",
    "Siti Rahma",
    "Agus Wijaya",
    "Dewi Lestari",
    "Rina Putri",
    "Joko Susilo",
    "Ayu Kartika",
    "Hendra Gunawan",
    "Maya Sari",
    "Fajar Nugroho",
    "Indah Permata",
    "Rizky Pratama",
    "Nina Marlina",
    "Yusuf Hakim",
    "Putu Ardana",
    "Wulan Sari",
    "Bayu Saputra",
    "Lina Hartono",
    "Dimas Aditya",
    "Tari Anggraini",
]
WINDOWS = ("5m", "15m", "30m", "1h", "today")
TEAMS = {"billing": "Billing", "delivery": "Delivery", "technical": "Technical help"}
CHANNELS = {"chat": (1.0, 0.86, 28), "email": (0.35, 0.74, 5400), "whatsapp": (0.8, 0.79, 150)}
"""Share of the traffic, service level, usual first response in s."""


class Office:
    """Three channels and `agents` agents at the instant `now_at`; each call of `records` is a second later.

    `whole` adds teams and what each agent does in each channel.
    """

    def __init__(self, now_at: int, agents: int = 40, seed: int = 7, *, whole: bool = False) -> None:
        self.whole = whole
        self.random = random.Random(seed)
        self.now_at = now_at
        self.agents = [f"a{i:02}" for i in range(agents)]
        self.names = {
            agent: NAMES[i % 20] if i < 20 else f"{NAMES[i % 20]} {i // 20 + 1}" for i, agent in enumerate(self.agents)
        }
        self.seq = 0

    def record(self, scope: str, window: str, metrics: dict[str, Any], **head: Any) -> KpiItem:
        self.seq += 1
        body = {"v": 1, "tenant": "acme", "scope": scope, "window": window, "window_start_at": self.now_at - 900_000}
        body |= {"as_of": self.now_at, "seq": self.seq, "partial": False} | head | {"metrics": metrics}
        return "acme", scope, window, self.seq, orjson.dumps(body)

    def records(self, **head: Any) -> list[KpiItem]:
        """Every record of the tenant, channels and agents, of the whole house those of their parts too."""
        out = []
        scopes = [("tenant", 1.0, 0.81, 95.0)]
        scopes += [(f"channel:{name}", share / 2.15, level, frt) for name, (share, level, frt) in CHANNELS.items()]
        scopes += [(f"agent:{agent}", 0.025, self.random.uniform(0.68, 0.99), 90) for agent in self.agents]
        if self.whole:
            scopes += [(f"team:{team}", 0.3, self.random.uniform(0.68, 0.95), 120) for team in TEAMS]
            scopes += [
                (f"agent:{agent}/channel:{name}", 0.012, self.random.uniform(0.6, 1), frt)
                for agent in self.agents
                for name, (_, _, frt) in CHANNELS.items()
            ]
        for scope, share, level, frt in scopes:
            for index, window in enumerate(WINDOWS):
                out.append(self.record(scope, window, self.metrics(share * 60 * 2.2**index, level, frt), **head))
            out.append(self.record(scope, "now", self.gauges(scope, share), **head))
        return out

    def metrics(self, size: float, level: float, frt: float) -> dict[str, Any]:
        count = max(0, round(size * self.random.uniform(0.7, 1.3)))
        met = round(count * level)
        times = [frt * self.random.uniform(0.8, 1.2) * factor for factor in (1, 0.8, 1.9, 2.4, 5)]
        ratio = met / count if count else None
        durations = dict(zip(("mean", "p50", "p90", "p95", "max"), times, strict=True))
        nexts = {f"nrt_{name}_s": each * 1.4 if count else None for name, each in durations.items()}
        return {
            "messages_in": count * 3, "messages_out": count * 2, "conversations_opened": count,
            "conversations_resolved": count, "conversations_active": count * 2,
            "conversations_handled": round(count * 1.6),
            "conversations_reopened": 0, "nrt_count": count * 2, **nexts,
            "frt_count": count, **{f"frt_{name}_s": each if count else None for name, each in durations.items()},
            "sl_met": met, "sl_missed": count - met, "sl_abandoned": 0, "service_level_ratio": ratio,
            **self.outcome(count, frt),
        }  # fmt: skip

    @staticmethod
    def outcome(count: int, frt: float) -> dict[str, Any]:
        """What came of `count` resolved conversations."""
        answers, touched, busy = count // 4, round(count * 0.7), count * 3
        return {
            "resolution_count": count, "resolution_mean_s": frt * 9 if count else None,
            "handle_count": count, "handle_mean_s": frt * 4 if count else None,
            "fcr_one_touch": touched, "fcr_ratio": touched / count if count else None,
            "csat_count": answers, "csat_satisfied": answers - answers // 6,
            "csat_ratio": 1 - answers // 6 / answers if answers else None, "csat_mean": 4.4 if answers else None,
            "nps_count": answers, "nps_promoters": answers - answers // 3, "nps_detractors": answers // 3,
            "nps": 100 - 200 * (answers // 3) / answers if answers else None,
            "bot_resolved": 0, "bot_containment_ratio": 0 if count else None,
            "occupancy_occupied": busy, "occupancy_online": busy + 20, "occupancy_ratio": busy / (busy + 20),
        }  # fmt: skip

    def gauges(self, scope: str, share: float) -> dict[str, Any]:
        waits = [each.waiting_since or 0 for each in self.waiting() if scope in each.scopes]
        oldest = min(waits, default=None)
        spread = self.random.uniform(0.6, 1.4)
        return {
            "backlog_open": round(share * 240 * spread) + len(waits), "backlog_pending": 3, "backlog_unassigned": 1,
            "backlog_waiting": len(waits), "backlog_overdue": round(share * 9),
            "concurrency": round(share * 160 * spread), "backlog_age_lt1h": round(share * 150 * spread),
            "backlog_age_lt4h": round(share * 50 * spread), "backlog_age_lt24h": round(share * 25 * spread),
            "backlog_age_lt48h": round(share * 10 * spread), "backlog_age_ge48h": round(share * 5 * spread),
            "agents_online": round(share * 12), "oldest_waiting_at": oldest,
            "oldest_waiting_s": None if oldest is None else (self.now_at - oldest) / 1000,
        }  # fmt: skip

    def minutes(self) -> list[SeriesItem]:
        """The last hour, minute by minute."""
        out = []
        start = self.now_at // 60_000 * 60_000
        for ago in range(60):
            shares = [("tenant", 2.15), *((f"channel:{name}", each[0]) for name, each in CHANNELS.items())]
            shares += [(f"team:{team}", 0.7) for team in TEAMS] if self.whole else []
            for scope, share in shares:
                at = start - ago * 60_000
                wave = 1 + 0.5 * ((ago * 7) % 23) / 23 - ago / 120
                metrics = self.metrics(share * 9 * wave, 0.8, 60)
                body = self.record(scope, "minute", metrics, window_start_at=at)[4]
                out.append(("acme", f"trend:{scope}", at, self.seq, body))
        return out

    def intervals(self) -> list[SeriesItem]:
        """The last three hours by quarters of an hour."""
        last = self.now_at // QUARTER_MS * QUARTER_MS - QUARTER_MS
        out = []
        for start in range(last - 11 * QUARTER_MS, last + 1, QUARTER_MS):
            for scope in ("tenant", "channel:chat"):
                body = self.record(scope, "interval", self.metrics(50, 0.8, 60), window_start_at=start)[4]
                out.append(("acme", f"intervals:{scope}", start, start + QUARTER_MS, body))
        return out

    def waiting(self, partition: int = 0) -> list[Waiting]:
        """Conversations that wait, with deadlines before and after now."""
        waits = random.Random(3)
        out = []
        for i in range(24):
            channel = ("chat", "email", "whatsapp", "chat")[i % 4]
            usual = CHANNELS[channel][2] * 1000
            since = self.now_at - round(usual * waits.uniform(0.05, 1.5))
            on, agent = f"channel:{channel}", f"agent:{self.agents[i % len(self.agents)]}"
            scopes = ("tenant", on, agent, f"{agent}/{on}", f"team:{list(TEAMS)[i % 3]}")
            due = {"first_response": since + round(usual * 1.3)}
            name = f"{channel}-{48213 + i * 37}"
            out.append(Waiting("acme", partition, 1, name, since, scopes, due, dict.fromkeys(due, "office-hours")))
        return out

    def alert(self, state: str, index: int, **more: Any) -> AlertItem:
        """One alert of the run `index`."""
        channel = ("chat", "whatsapp", "email")[index % 3]
        body = {
            "alert_id": f"{state}-{index}", "kind": "sla", "state": state, "level": 1 if state == "imminent" else 0,
            "metric": ("first_response", "next_response", "resolution")[index % 2 if index % 5 else 2],
            "instance": f"e{index}", "tenant": "acme", "conversation_id": f"{channel}-{50000 + index * 53}",
            "channel": channel, "agent_id": self.agents[index % len(self.agents)] if index % 4 else None,
            "team": list(TEAMS)[index % 3],
            "priority": "normal", "policy": "default", "started_at": self.now_at - 90_000,
            "deadline_at": self.now_at - 30_000, "at": self.now_at - 30_000, "late_s": 0, "v": 1,
        } | more  # fmt: skip
        return "acme", body["alert_id"], orjson.dumps(body)

    def alert_of_rule(self, state: str, **more: Any) -> AlertItem:
        """One alert of a rule: too many wait in the chat."""
        body: dict[str, Any] = {
            "alert_id": f"{state}-rule", "kind": "threshold", "state": state, "rule": "too many wait",
            "severity": "critical", "tenant": "acme", "scope": "channel:chat", "metric": "backlog_waiting",
            "window": "now", "comparison": "above", "threshold": 10.0, "clear": 8.0, "value": 12,
            "started_at": self.now_at - 60_000, "at": self.now_at, "for_s": 60.0, "v": 1,
        } | more  # fmt: skip
        return "acme", body["alert_id"], orjson.dumps(body)
