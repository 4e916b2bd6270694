"""From where a conversation is looked at: the rules of its tenant, and an instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tables.rules import Rules
from tables.settings import TenantSettings
from tables.state import Dims, Run

if TYPE_CHECKING:
    from tables.calendar import Calendar


class View:
    """What the parts of an explanation have in common."""

    __slots__ = ("_names", "customers", "rules", "until")

    def __init__(self, rules: Rules, until: int, customers: Mapping[int, str]) -> None:
        self.rules = rules
        self.until = until
        """The instant (ms) at which windows end."""
        self.customers = customers
        """Ids by their hashes, as samples have them."""
        # Calendars that say the same are one; it goes by the first of their names.
        self._names = {each: name for name, each in reversed(self.values.calendars.items())}

    @property
    def values(self) -> TenantSettings:
        """The tenant's settings."""
        return self.rules.values

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return self.values.timezone

    def policy(self, dims: Dims) -> str | None:
        """The name of the policy in force for a conversation, None without one."""
        policy = self.rules.policy(dims)
        return None if policy is None else policy.name

    def calendar(self, dims: Dims) -> str | None:
        """The name of the calendar of that policy, in which business time is measured; None: around the clock."""
        return self._name(self.rules.calendar(dims))

    def calendar_of(self, run: Run) -> str | None:
        """The name of the calendar that a run is measured in; None: around the clock."""
        return self._name(self.rules.calendar_of(run.metric, run.policy))

    def _name(self, calendar: Calendar | None) -> str | None:
        return None if calendar is None else self._names[calendar]
