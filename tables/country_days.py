"""Public holidays of a country, or of a part of it, by year."""

from __future__ import annotations

import warnings
from functools import lru_cache

_SOME_YEAR = 2026  # which one does not matter: an unknown code is refused whatever the year
_LONGEST_PART = 3


@lru_cache(maxsize=4096)
def public_holidays(code: str, year: int) -> frozenset[int]:
    """The public holidays of `ID` or `DE-BE` in a year, days off in their place included, as date ordinals.

    None are known before 1901 and after 2100, for some countries fewer years. Raises ValueError for an unknown code.
    """
    import holidays  # noqa: PLC0415 - 40 MB and a third of a second, for those only who name a country

    country, _, part = code.partition("-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says of some countries that it knows few years
        try:
            found = holidays.country_holidays(country, subdiv=part or None, years=year)
        except NotImplementedError:
            raise ValueError(f"no holidays are known of {code!r}; {_allowed(country)}") from None
    return frozenset(day.toordinal() for day in found)


def check_country(code: str) -> str:
    """The code itself, if it is known; raises ValueError."""
    public_holidays(code, _SOME_YEAR)
    return code


def _allowed(country: str) -> str:
    import holidays  # noqa: PLC0415 - see above

    known = holidays.list_supported_countries().get(country)
    if known is None:
        return "allowed are codes such as ID or DE-BE"
    parts = [part for part in known if len(part) <= _LONGEST_PART]  # the others are names of towns
    return f"allowed after {country}-: {', '.join(parts)}" if parts else f"allowed: {country} as a whole"
