"""What one tenant's settings say to the fold of its conversations."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tables.conversation import Life
from tables.policies import Match, Policy
from tables.settings import Settings, TenantSettings
from tables.state import METRICS, REPLY_WINDOW, WHATSAPP, Dims, State

if TYPE_CHECKING:
    from tables.calendar import Calendar

DAY_MS = 86_400_000
BUILT_IN = Policy("built-in", Match(), {METRICS[REPLY_WINDOW]: DAY_MS}, (), {}, None)
"""Where no policy says otherwise: for so long after the customer's last message WhatsApp takes a free reply."""


class Rules:
    """One tenant's policies, thresholds and calendars, as conversations ask for them."""

    __slots__ = ("calendars", "has_calendars", "has_policies", "print", "settings", "tenant", "values")

    def __init__(self, settings: Settings, tenant: str) -> None:
        self.settings = settings
        self.tenant = tenant
        self.values: TenantSettings = settings.tenant(tenant)
        policies = self.values.policies
        self.has_policies = bool(policies)
        self.calendars: dict[str, Calendar | None] = {policy.name: policy.calendar for policy in policies}
        self.has_calendars = any(self.calendars.values())
        self.print = _fingerprint(policies)
        """A fingerprint of the policies: runs measured by others are to be measured anew."""

    def life(self, state: State) -> Life:
        """What folds a conversation by these rules."""
        return Life(state, self)

    def policy(self, dims: Dims) -> Policy | None:
        """The policy in force for a conversation."""
        channel, _, team, priority, topics = dims
        return self.settings.choose(self.tenant, channel, priority, team, topics)

    def policy_of(self, metric: int, dims: Dims) -> Policy | None:
        """The policy that runs of a metric are measured by; it may have no target for it."""
        policy = self.policy(dims) if self.has_policies else None
        if metric != REPLY_WINDOW or dims[0] != WHATSAPP or (policy and METRICS[metric] in policy.targets_ms):
            return policy
        return BUILT_IN

    def calendar_of(self, metric: int, policy: str) -> Calendar | None:
        """The calendar that runs of a metric are measured in under a policy of that name; None: around the clock."""
        return None if metric == REPLY_WINDOW or not self.has_calendars else self.calendars.get(policy)

    def calendar(self, dims: Dims) -> Calendar | None:
        """The calendar of the policy in force for a conversation."""
        policy = self.policy(dims) if self.has_calendars else None
        return None if policy is None else policy.calendar


def _fingerprint(policies: tuple[Policy, ...]) -> str:
    """The same for the same policies, in every process; nothing without any."""
    said = [
        (
            policy.name,
            [
                sorted(getattr(policy.match, field) or "*")
                for field in ("tenant", "channel", "priority", "team", "topic")
            ],
            sorted(policy.targets_ms.items()),
            policy.warn,
            sorted((target, sorted(statuses)) for target, statuses in policy.pause_on.items()),
            repr(policy.calendar),
        )
        for policy in policies
    ]
    return blake2b(repr(said).encode(), digest_size=6).hexdigest() if said else ""
