"""The instant that a mail's date header means, also where no standard would read it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Beginnings of the months' names, without accents: English first, then what clients of other languages write (German,
# French, Dutch, Spanish, Italian, Portuguese, Scandinavian, Indonesian).
_NAMES: Final = (
    "jan ene gen",
    "feb fev",
    "mar mrt maa mae",
    "apr abr avr",
    "may mai mei mag maj",
    "jun juin giu",
    "jul juil lug",
    "aug ago aou agu ags",
    "sep set",
    "oct okt ott out",
    "nov",
    "dec dez dic des",
)
_MONTHS: Final[Mapping[str, int]] = {name: month for month, names in enumerate(_NAMES, 1) for name in names.split()}
# RFC 5322, 4.3; every other name counts as UTC, as it says there.
_ZONES: Final[Mapping[str, int]] = {
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
}

_TIME = r"(?P<hour>\d{1,2})\s*:\s*(?P<minute>\d\d)(?:\s*:\s*(?P<second>\d\d))?(?:\.\d+)?(?:\s*(?P<half>[AP])\.?M\b\.?)?"
_ZONE = r"\s*(?P<zone>(?:UTC?|GMT)?[+-]\d\d:?\d\d|[A-Z]{1,5}\b)?"
_MONTH_NAME = r"(?P<name>[^\W\d_]{3,12})"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        # 5 Apr 2019 12:10:49 +0200
        rf"(?<!\d)(?P<day>\d{{1,2}})[\s.,-]{{1,9}}{_MONTH_NAME}[\s.,-]{{1,9}}(?P<year>\d{{2,4}})[\s,]{{1,9}}{_TIME}{_ZONE}",
        # Apr 5 12:10:49 2019, as asctime writes it, perhaps with the zone before the year
        rf"{_MONTH_NAME}\s{{1,9}}(?P<day>\d{{1,2}})\s{{1,9}}{_TIME}{_ZONE}\s{{1,9}}(?P<year>\d{{4}})",
        # Apr 5 2019 12:10:49 GMT+0200, as JavaScript writes it
        rf"{_MONTH_NAME}\s{{1,9}}(?P<day>\d{{1,2}})[\s,]{{1,9}}(?P<year>\d{{4}})[\s,]{{1,9}}{_TIME}{_ZONE}",
        # 2019-04-05T12:10:49+02:00
        rf"(?<!\d)(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)[T\s]\s{{0,9}}{_TIME}{_ZONE}",
    )
)


def date_ms(text: str) -> int | None:
    """The first date and time in `text` as milliseconds since 1970, UTC; None where there is none.

    Weekdays are not looked at, comments are not read; without a zone, or with one that says nothing, it is UTC.

    >>> date_ms("Di., 5 Feb. 2019 06:52:44 +0100 (MEZ)")
    1549345964000
    """
    for form in _FORMS:
        for found in form.finditer(text):
            if (at := _instant(found)) is not None:
                return at
    return None


def _instant(found: re.Match[str]) -> int | None:
    parts = found.groupdict()
    month = _month(parts["name"]) if "name" in parts else int(parts["month"])
    if month is None:
        return None
    hour = int(parts["hour"])
    if parts["half"]:  # 12 AM is midnight, 12 PM noon
        hour = hour % 12 + (12 if parts["half"].upper() == "P" else 0)
    second = min(int(parts["second"] or 0), 59)  # a leap second has no place in Unix time
    try:
        local = datetime(_year(parts["year"]), month, int(parts["day"]), hour, int(parts["minute"]), second, tzinfo=UTC)
        return (local - _EPOCH - _offset(parts["zone"] or "")) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _month(name: str) -> int | None:
    plain = "".join(char for char in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(char))
    return _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3])


def _year(digits: str) -> int:
    """RFC 5322, 4.3: two digits are 1950 to 2049, three are from 1900 on."""
    year = int(digits)
    if len(digits) == 2:  # noqa: PLR2004
        return year + (2000 if year < 50 else 1900)  # noqa: PLR2004
    return year + 1900 if len(digits) == 3 else year  # noqa: PLR2004


def _offset(zone: str) -> timedelta:
    sign = re.search(r"[+-]", zone)
    if sign is None:
        return timedelta(hours=_ZONES.get(zone.lower(), 0))
    digits = zone[sign.end() :].replace(":", "")
    minutes = int(digits[2:])
    if minutes > 59:  # noqa: PLR2004 - no such offset; nearly all zones off the full hour are at the half
        minutes = 30
    offset = timedelta(hours=int(digits[:2]), minutes=minutes)
    return -offset if sign[0] == "-" else offset
