"""`sigap explain`: what one conversation went through, and what it counts for."""

from tables.explain.records import Explanation
from tables.explain.run import Ambiguous, NotFound, explain

__all__ = ["Ambiguous", "Explanation", "NotFound", "explain"]
