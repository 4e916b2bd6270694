"""What a page is about: the whole house, or one channel, team or agent."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from streams.codecs import decode_id

VIEWS: Final = ("tenant", "channel:NAME", "team:ID", "agent:ID")
_VIEW = re.compile(r"tenant|(channel|team|agent):[^/]+")


class View(NamedTuple):
    """A scope with what belongs to it."""

    scope: str

    @classmethod
    def parse(cls, text: str) -> "View | None":
        """The view of a scope as keys write it, None for anything else."""
        return cls(text) if len(text) <= 2048 and _VIEW.fullmatch(text) else None  # noqa: PLR2004 - an encoded id

    def shows(self, scope: str) -> bool:
        """Whether a scope's figures belong to the view: its own, a channel's agents, an agent's channels.

        >>> View("channel:chat").shows("agent:budi/channel:chat"), View("agent:budi").shows("agent:budi/channel:chat")
        (True, True)
        >>> View("channel:chat").shows("agent:budi"), View("tenant").shows("agent:budi")
        (False, True)
        """
        return self.scope in {"tenant", scope} or self.scope in scope.split("/")

    def concerns(self, alert: Mapping[str, Any]) -> bool:
        """Whether an alert is about the view.

        >>> View("agent:budi%2Fjkt").concerns({"agent_id": "budi/jkt"}), View("team:a").concerns({"team": None})
        (True, False)
        >>> View("channel:chat").concerns({"scope": "agent:budi/channel:chat"})
        True
        """
        if self.shows(str(alert.get("scope"))):
            return True
        kind, _, encoded = self.scope.partition(":")
        return bool(alert.get("agent_id" if kind == "agent" else kind) == decode_id(encoded))


HOUSE: Final = View("tenant")
