"""What is known of a tenant: the last snapshot, and what came since. No clock in here: `now_s` is `running_s()`."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.codecs import decode_id

STALE_S = 10.0
"""A worker not heard of for longer no longer keeps the figures up to date."""
SILENT_S = 5.0
"""Without a word for longer, the connection counts as lost: a status comes every second."""
_ALERTS = 40
_RUN = ("conversation_id", "metric", "instance", "rule", "scope")
_CHANNELS = {"whatsapp": "WhatsApp", "email": "E-mail", "chat": "Chat"}

Metrics = dict[str, Any]


class Row(NamedTuple):
    """A scope with its figures: `metrics` of the window, `gauges` of now."""

    scope: str
    name: str
    metrics: Metrics
    gauges: Metrics
    goals: Metrics
    threshold_s: float | None


class Banner(NamedTuple):
    """What is wrong: `look` is `bad`, `warn` or `info`."""

    look: str
    word: str
    text: str


class Board:
    """The figures of one tenant and window. Times are in ms where a name ends in `_at`."""

    def __init__(self, window: str, tenant: str | None = None) -> None:
        self.window = window
        self.tenant = tenant
        self.problem: str | None = None
        """Why nothing comes, None while something does."""
        self.waiting: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {}
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._alerts: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._status: dict[str, Any] | None = None
        self._heard_s = 0.0
        self._base: tuple[int, float] | None = None
        self._shown_at: int | None = None

    # --- in ----------------------------------------------------------------------------------------

    def take(self, event: str, body: dict[str, Any], now_s: float) -> None:
        """A `snapshot`, `delta` or `status` of the event stream."""
        self.problem = None
        self._heard_s = now_s
        if event == "status":
            self._status = body
            if "now_at" in body:
                self._base = body["now_at"], now_s
            return
        if event == "snapshot":
            self.tenant = body["tenant"]
            self._records.clear()
            self._alerts.clear()
        self.settings = body.get("settings", self.settings)
        self.waiting = body.get("waiting", self.waiting)
        for record in body.get("records", ()):
            key = record["scope"], record["window"]
            held = self._records.get(key)
            if held is None or held["seq"] <= record["seq"]:
                self._records[key] = record
        for alert in body.get("alerts", ()):
            self._add(alert)

    def _add(self, alert: dict[str, Any]) -> None:
        """One line a run: its state changes in place, a breach comes to the top."""
        run = tuple(alert.get(name) for name in _RUN)
        if run not in self._alerts and alert.get("state") in {"met", "cancelled"}:
            return
        if alert.get("state") in {"breached", "firing"}:
            self._alerts.pop(run, None)
        self._alerts[run] = alert
        while len(self._alerts) > _ALERTS:
            del self._alerts[next(iter(self._alerts))]

    # --- out ---------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether a snapshot and the state of the worker are there."""
        return self._status is not None and bool(self.settings)

    def clock(self, now_s: float) -> int | None:
        """The run's clock in ms; it stands still while nobody keeps the figures up to date."""
        if self._base is not None and not self.still(now_s):
            self._shown_at = self._base[0] + int((now_s - self._base[1]) * 1000)
        return self._shown_at

    def still(self, now_s: float) -> bool:
        """Whether the figures no longer follow what happens."""
        return any(banner.look == "bad" for banner in self._links(now_s))

    def banners(self, now_s: float) -> list[Banner]:
        """What is wrong, the worst first; empty while all is well."""
        found = self._links(now_s)
        lags = [each.get("lag_s") or 0 for each in self._records.values() if each.get("partial")]
        if lags:
            behind = f", {max(lags):.0f} s behind" if max(lags) else ""
            text = f"A part of the events is still being read{behind}: figures may be too low."
            found.append(Banner("warn", "Partial", text))
        status = self._status or {}
        if status.get("redis") and not status.get("durable", True):
            found.append(Banner("info", "Not durable", "Without Kafka, all figures are gone when this run ends."))
        return found

    def _links(self, now_s: float) -> list[Banner]:
        status = self._status
        if self.problem is not None:
            return [Banner("bad", "No connection", f"{self.problem} Figures stand still; trying again.")]
        if status is None:
            return []
        if now_s - self._heard_s > SILENT_S:
            return [Banner("bad", "No connection", "Nothing heard. Figures stand still; trying again.")]
        if not status["redis"]:
            return [Banner("bad", "Redis away", "Redis does not answer. Figures stand still; trying again.")]
        age = status["heartbeat_age_s"]
        if age is None:
            return [Banner("warn", "No worker", "No worker has written figures yet.")]
        if age > STALE_S:
            return [Banner("bad", "Stale", f"The worker was last heard of {age:.0f} s ago.")]
        return []

    def tenant_row(self) -> Row:
        """The whole tenant."""
        return self._row("tenant", "All")

    def channels(self) -> list[Row]:
        """Every channel, by name."""
        names = sorted({scope[8:] for scope, _ in self._records if scope.startswith("channel:")})
        return [self._row(f"channel:{name}", self.channel_name(decode_id(name))) for name in names]

    def agents(self) -> list[Row]:
        """Every agent, the most loaded first: open backlog, then who waits, then what is worked on."""
        scopes = {scope for scope, _ in self._records if scope.startswith("agent:") and "/" not in scope}
        rows = [self._row(scope, self.agent_name(decode_id(scope[6:]))) for scope in scopes]

        def load(row: Row) -> tuple[Any, ...]:
            gauges = row.gauges
            loads = (gauges.get(name) or 0 for name in ("backlog_open", "backlog_waiting", "concurrency"))
            return (*(-each for each in loads), row.name.casefold(), row.scope)

        return sorted(rows, key=load)

    def alerts(self) -> list[dict[str, Any]]:
        """One alert a run, the newest first."""
        return list(reversed(self._alerts.values()))

    def channel_name(self, channel: str | None) -> str:
        """A channel as people call it; nothing where it is not known."""
        if channel is None:
            return ""
        return str(self._names("channels").get(channel) or _CHANNELS.get(channel) or channel.capitalize())

    def agent_name(self, agent: str) -> str:
        """An agent as people call them."""
        return str(self._names("agents").get(agent) or agent)

    def _names(self, kind: str) -> dict[str, str]:
        found: dict[str, str] = self.settings.get("names", {}).get(kind, {})
        return found

    def _row(self, scope: str, name: str) -> Row:
        goals = self.settings.get("goals", {})
        metrics = self._records.get((scope, self.window), {}).get("metrics", {})
        gauges = self._records.get((scope, "now"), {}).get("metrics", {})
        limit = self.settings.get("threshold_s", {}).get(scope.removeprefix("channel:"))
        shared = goals.get("tenant", {}) if scope.startswith("agent:") else {}
        return Row(scope, name, metrics, gauges, shared | goals.get(scope, {}), limit)
