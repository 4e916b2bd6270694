"""What the handlers of one application share."""

from typing import Any, Final

from aiohttp import web

from agents.wallboard.feed import Feed
from agents.wallboard.store import Store
from tables.kpis.catalogue import METRICS
from tables.settings import Settings

DEFAULT_SERVICE_LEVEL: Final = 0.8
"""The house's goal where the settings name none; a channel without its own has the house's."""


class State:
    """The store, the settings, and a feed per tenant that somebody watches."""

    def __init__(self, store: Store, settings: Settings, tenant: str | None) -> None:
        self.store = store
        self.settings = settings
        self.tenant = tenant
        self.feeds: dict[str, Feed] = {}
        self.streams = 0
        self.pushes = 0

    def feed(self, tenant: str) -> Feed:
        """The tenant's feed."""
        if tenant not in self.feeds:
            self.feeds[tenant] = Feed(self.store, tenant)
        return self.feeds[tenant]

    async def known(self) -> list[str]:
        """The tenants, those that have figures first: the first of all is shown where none is asked for."""
        held = await self.store.tenants()
        return [*held, *sorted(set(self.settings.tenants).difference(held))]

    def shown(self, tenant: str, channels: list[str]) -> dict[str, Any]:
        """Goals, names, thresholds, and what ratios are made of, as the page shows them."""
        chosen = self.settings.tenant(tenant)
        name = "service_level_ratio"
        default = {name: chosen.goals.get("tenant", {}).get(name, DEFAULT_SERVICE_LEVEL)}
        scopes = {"tenant", *(f"channel:{channel}" for channel in channels), *chosen.goals}
        return {
            "timezone": chosen.timezone.key,
            "names": chosen.names,
            "goals": {scope: default | chosen.goals.get(scope, {}) for scope in sorted(scopes)},
            "threshold_s": {channel: chosen.threshold_ms(channel) / 1000 for channel in channels},
            "fractions": {
                name: found[:2]
                for name, each in METRICS.items()
                if (found := each.fraction(chosen)) and found.numerator
            },
        }


STATE: Final = web.AppKey("state", State)
