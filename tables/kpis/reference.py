"""The KPI reference, written from what the KPIs say of themselves.

python -m tables.kpis.reference > deploy/docs/kpis.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from inspect import cleandoc
from types import ModuleType
from typing import Final

from tables.day_windows import DAY_WINDOWS
from tables.kpis.catalogue import ALL_WINDOWS, ROOMS, windows_of
from tables.kpis.metric import KINDS, Fraction, Metric, Text

_HEAD: Final = """\
# The KPI reference

Written by `python -m tables.kpis.reference > deploy/docs/kpis.md` from the KPIs' own files, `tables/kpis/*.py` and
`tables/business/`: change it there. [semantics.md](semantics.md) says what is counted in the cases that surprise, and
[kpi.schema.json](kpi.schema.json) what a record looks like.

- `null` means not calculable (no samples), 0 is a result. A ratio has its numerator and denominator beside it.
- Units: `s` seconds, `ratio` 0.8 for 80 %, `ms` an instant in ms since the epoch, `score` that of a survey, `points`
  -100 to 100, `money` units of a currency, `count` all that is counted, `list` more than a number.
- *Better* says which way a ranking begins and how a goal is met.
- A cycle is a conversation from its opening, or reopening, to its resolving. Business time is the open time of the
  calendar of the policy in force, around the clock without one.
- Where a formula names a setting it holds for that choice; the first is the default. In formulas of percentiles and
  maxima stands of how many samples they are.
- Records of minutes (`1m`) and of closed quarter-hours (`interval`) hold what the windows `5m` to `today` hold, those
  of quarter-hours the gauges of the window `now` too.
"""
_COLUMNS: Final = ("metric", "title and meaning", "in Indonesian", "unit", "better", "formula")


def page() -> str:
    """The reference as Markdown."""
    return "\n".join([_HEAD, *(line for room in ROOMS for line in _section(room))]).rstrip("\n") + "\n"


def _section(room: ModuleType) -> Iterator[str]:
    title, _, rest = cleandoc(room.__doc__ or "").partition(": ")
    prose, example, code = (rest[:1].upper() + rest[1:]).partition(">>> ")
    yield f"## {title}\n"
    yield f"{prose.strip()}\n"
    yield f"{_kept(room.METRICS)}\n"
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    for metric in room.METRICS:
        yield _row(metric)
    yield f"\nAs it runs in `{room.__name__.replace('.', '/')}.py`:\n\n```python\n{example}{code}\n```\n"


def _row(metric: Metric) -> str:
    formulas = "; ".join(_formula(metric, each) for each in metric.fractions)
    cells = (f"`{metric.name}`", _text(metric.en), _text(metric.id), metric.unit, metric.better, formulas)
    return f"| {' | '.join(cells)} |"


def _text(text: Text) -> str:
    return f"**{text.title}**: {text.meaning}"


def _formula(metric: Metric, fraction: Fraction) -> str:
    over = _sum(fraction.denominator)
    if fraction.numerator:
        formula = f"{_sum(fraction.numerator)} / {over}"
    else:
        formula = f"sum / {over}" if "_mean" in metric.name else f"of {over}"
    return f"{formula} with `{fraction.formula}`" if fraction.formula else formula


def _sum(terms: tuple[str, ...]) -> str:
    """Terms as a sum.

    >>> _sum(("nps_promoters", "-nps_detractors"))
    '(`nps_promoters` - `nps_detractors`)'
    """
    joined = " + ".join(f"`{term}`" for term in terms).replace("+ `-", "- `")
    return f"({joined})" if len(terms) > 1 else joined


def _kept(metrics: tuple[Metric, ...]) -> str:
    """In which records all of them stand."""
    kinds, windows = metrics[0].kinds, windows_of(metrics[0], "tenant")
    scopes = "all" if kinds == KINDS else _names(kinds)
    some = tuple(each for each in kinds if not {*DAY_WINDOWS} <= {*windows_of(metrics[0], each)})
    without = f" (not in {_names(some)})" if {*DAY_WINDOWS} < {*windows} and some else ""
    return f"Scopes: {scopes}. Windows: {_names(tuple(each for each in ALL_WINDOWS if each in windows))}{without}."


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{each}`" for each in names)


if __name__ == "__main__":
    sys.stdout.write(page())
