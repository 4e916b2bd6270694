"""A duration's count, and its mean, percentiles and maximum in seconds of calendar time and of business time.

Sums are kept in whole ms; a percentile is the nearest rank of all samples, within 1 %. A duration of 1 h of which the
office was open for 10 minutes, and one of 20 s in office hours:

>>> from tables import facts
>>> from tables.settings import Settings
>>> from tables.tally import MAX, add_duration, code
>>> tally, window, out = {}, Window(), {}
>>> add_duration(tally, facts.NRT + facts.CALENDAR, 1, 3_600_000)
>>> add_duration(tally, facts.NRT + facts.BUSINESS, 1, 600_000)
>>> add_duration(tally, facts.NRT, 1, 20_000)
>>> window.add(tally, 1)
>>> calendar, business = (code(facts.NRT + way, MAX) for way in (facts.CALENDAR, facts.BUSINESS))
>>> window.set_largest([{calendar: 3_600_000, business: 600_000}])
>>> reader("nrt", facts.NRT)(window, out, Settings.load(None).tenant("acme"))
>>> [out[f"nrt_{each}"] for each in ("count", "mean_s", "max_s")]
[2, 1810.0, 3600.0]
>>> out["nrt_business_mean_s"], out["nrt_business_max_s"]
(310.0, 600.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from tables.facts import BUSINESS
from tables.kpis.metric import Fraction, Language, Metric, Text, Value
from tables.window import Window

if TYPE_CHECKING:
    from tables.settings import TenantSettings

Divisor = Callable[[Window, "TenantSettings"], int | None]
"""What a formula divides the sum of a duration by; None: by the number of samples."""

_PARTS = ("mean_s", "p50_s", "p90_s", "p95_s", "max_s")
_WAYS = (("", 0), ("business_", BUSINESS))


COUNT: Final = "count"
PARTS: Final[dict[str, tuple[Text, Text]]] = {
    COUNT: (Text("count", "how many there were"), Text("jumlah", "berapa kali terjadi")),
    "mean": (Text("mean", "the mean"), Text("rata-rata", "rata-ratanya")),
    "p50": (Text("p50", "half took no longer"), Text("p50", "separuhnya tidak lebih lama")),
    "p90": (Text("p90", "9 of 10 took no longer"), Text("p90", "9 dari 10 tidak lebih lama")),
    "p95": (Text("p95", "19 of 20 took no longer"), Text("p95", "19 dari 20 tidak lebih lama")),
    "max": (Text("longest", "the longest"), Text("terlama", "yang terlama")),
}
"""What is said of durations, in English and in Indonesian."""
_BUSINESS = (Text(" (business)", ", in business time"), Text(" (jam kerja)", ", dalam jam kerja"))
_CALENDAR = (Text("", ""), Text("", ""))


class Duration(NamedTuple):
    """What is measured: `NAME_count`, `NAME_mean_s`, `NAME_business_mean_s` and so on."""

    name: str
    en: Text
    id: Text
    fractions: tuple[Fraction, ...] = ()
    """Those of the means, where it is not the number of samples that they are divided by."""

    def text(self, language: Language) -> Text:
        """What it is called and what it is."""
        return self.id if language == "id" else self.en

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that is said of it."""
        samples = (Fraction((), (f"{self.name}_{COUNT}",)),)
        found = [Metric(f"{self.name}_{COUNT}", "count", "neither", *self._texts(PARTS[COUNT], _CALENDAR))]
        for way, _ in _WAYS:
            for each in _PARTS:
                part = each.removesuffix("_s")
                fractions = self.fractions if part == "mean" and self.fractions else samples
                texts = self._texts(PARTS[part], _BUSINESS if way else _CALENDAR)
                found.append(Metric(f"{self.name}_{way}{each}", "s", "lower", *texts, fractions))
        return tuple(found)

    def _texts(self, parts: tuple[Text, Text], ways: tuple[Text, Text]) -> tuple[Text, Text]:
        en, id_ = (
            Text(
                f"{text.title}, {part.title}{way.title}",
                f"{text.meaning}; {part.meaning}{way.meaning}",
                f"{text.short} {part.title}{way.title}",
            )
            for text, part, way in zip((self.en, self.id), parts, ways, strict=True)
        )
        return en, id_


def reader(
    name: str, kind: int, divisor: Divisor | None = None
) -> Callable[[Window, dict[str, Value], TenantSettings], None]:
    """What puts the metrics of one kind of fact into a record; everything about the kind is looked up once, here."""
    ways = tuple((way, tuple(f"{name}_{word}{part}" for part in _PARTS)) for word, way in _WAYS)
    counted = f"{name}_count"
    nothing: dict[str, Value] = dict.fromkeys(each for _, names in ways for each in names)

    def read(window: Window, out: dict[str, Value], tenant: TenantSettings) -> None:
        count = out[counted] = window.duration(kind, 0)[0]
        by = None if divisor is None else divisor(window, tenant)
        if not count:
            out.update(nothing)
            if by:
                out[ways[0][1][0]] = out[ways[1][1][0]] = 0.0
            return
        over = count if by is None else by
        values: tuple[Value, ...] = ()
        for way, names in ways:
            if not way or window.sketch(kind + way):  # else business time is calendar time
                p50, p90, p95 = window.percentiles(kind, way)
                mean = window.duration(kind, way)[1] / over / 1000 if over else None
                values = (mean, p50, p90, p95, window.maximum(kind, way) / 1000)
            out.update(zip(names, values, strict=True))

    return read
