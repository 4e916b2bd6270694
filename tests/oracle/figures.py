"""The metrics of a set of samples: contract section 5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from tests.oracle.face import Sample
from tests.oracle.rules import Rules

COUNTED = (
    *("messages_in", "messages_out", "conversations_opened", "conversations_reopened", "conversations_resolved"),
    *("sl_met", "sl_missed", "sl_abandoned", "fcr_one_touch", "bot_resolved", "delivery_failed"),
)
DISTINCT = {
    "conversations_active": "touch_active",
    "conversations_handled": "touch_handled",
    "customers_handled": "touch_customer",
}

RANKS = {"p50": 50, "p90": 90, "p95": 95, "max": 100}


def figures(samples: Sequence[Sample], rules: Rules) -> dict[str, Any]:
    return dict(_figures(samples, rules) if samples else _nothing(rules))


@cache
def _nothing(rules: Rules) -> dict[str, Any]:
    return _figures((), rules)


def _figures(samples: Sequence[Sample], rules: Rules) -> dict[str, Any]:
    of: dict[str, list[Sample]] = {}
    for sample in samples:
        of.setdefault(sample.kind, []).append(sample)
    out: dict[str, Any] = {kind: len(of.get(kind, ())) for kind in COUNTED}
    out |= {name: len({sample.subject for sample in of.get(kind, ())}) for name, kind in DISTINCT.items()}
    opened, resolved = out["conversations_opened"], out["conversations_resolved"]
    for kind in ("frt", "nrt", "resolution", "handle"):
        per = {
            ("frt", "resolved"): resolved,
            ("handle", "customers"): out["customers_handled"],
        }.get((kind, rules.formulas.get(f"{kind}_mean", "")))
        mine = of.get(kind, ())
        out |= {f"{kind}_count": len(mine)}
        out |= durations(kind, [sample.value for sample in mine], per)
        out |= durations(f"{kind}_business", [sample.business for sample in mine], per)
    out["service_level_ratio"] = service_level(rules.formula, out["sl_met"], out["sl_missed"], out["sl_abandoned"])
    received = rules.formulas["fcr"] == "received"
    out["fcr_ratio"] = ratio(out["fcr_one_touch"], opened if received else resolved)
    out["bot_containment_ratio"] = ratio(out["bot_resolved"], resolved)
    scores = {survey: [sample.value for sample in of.get(survey, ())] for survey in ("csat", "nps", "ces")}
    return out | surveys(scores, easy=range(1, 4) if rules.formulas["ces"] == "low_is_easy" else range(5, 8))


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def durations(name: str, values: Sequence[int], per: int | None) -> dict[str, Any]:
    """In seconds; the mean over `per`, or over the values."""
    n, ranked = len(values), sorted(values)
    out: dict[str, Any] = {f"{name}_mean_s": ratio(sum(values) / 1000, n if per is None else per)}
    for part, percent in RANKS.items():
        rank = math.ceil(percent * n / 100)  # q·n with a whole product: no rounding of 0.9·10
        out[f"{name}_{part}_s"] = ranked[rank - 1] / 1000 if n else None
    return out


def service_level(formula: str, met: int, missed: int, abandoned: int) -> float | None:
    good, all_ = {
        "ignore_abandoned": (met, met + missed),
        "abandoned_missed": (met, met + missed + abandoned),
        "abandoned_met": (met + abandoned, met + missed + abandoned),
    }[formula]
    return ratio(good, all_)


def surveys(scores: dict[str, list[int]], easy: range) -> dict[str, Any]:
    out: dict[str, Any] = {f"{survey}_count": len(given) for survey, given in scores.items()}
    csat, nps, ces = scores["csat"], scores["nps"], scores["ces"]
    out |= {"csat_satisfied": sum(score >= 4 for score in csat), "ces_easy": sum(score in easy for score in ces)}
    out |= {f"{survey}_mean": ratio(sum(scores[survey]), len(scores[survey])) for survey in ("csat", "ces")}
    out |= {"csat_ratio": ratio(out["csat_satisfied"], len(csat)), "ces_ratio": ratio(out["ces_easy"], len(ces))}
    promoters, detractors = sum(score >= 9 for score in nps), sum(score <= 6 for score in nps)
    out |= {"nps_promoters": promoters, "nps_detractors": detractors}
    return out | {"nps": ratio(100 * (promoters - detractors), len(nps))}
