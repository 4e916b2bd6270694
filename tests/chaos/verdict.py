"""What a round's comparison has found."""

from dataclasses import dataclass, field

from tests.outcomes import Difference, What


@dataclass
class Verdict:
    """What was compared, and what differs."""

    events: int = 0
    records: int = 0
    """KPI records, those of Kafka and those of Redis."""
    intervals: int = 0
    alerts: int = 0
    """Alerts of the replay."""
    repeated: int = 0
    """Deliveries of an alert that had been delivered before, byte for byte."""
    retracted: list[str] = field(default_factory=list)
    """Breaches sent and taken back that the replay does not know: the deciding event came after the deadline."""
    restated: list[str] = field(default_factory=list)
    """Alerts said anew under their id with another content."""
    belated: int = 0
    """Alerts told after a later one of their run, because an event came late."""
    snapshots: int = 0
    """Gauges of intervals that an event decided which reached the broker after the interval's end."""
    stale: int = 0
    """KPI records behind a newer one of their key: a reader passes them over by their `seq`."""
    differences: list[Difference] = field(default_factory=list)

    def count(self, what: What) -> int:
        """How many differences of a kind."""
        return sum(each.what == what for each in self.differences)

    def note(self, what: What, text: str) -> None:
        """Take down a difference."""
        self.differences.append(Difference(what, text))
