"""Pay as sources state it, and what it comes to in euros a year, by a dated table of rates and hours of a full post."""

import re
from datetime import date
from typing import Any

from schemas import vacancy as v
from schemas.vacancy import Interval
from services.ingest.fields import codes
from services.ingest.fields.record import Notes

RATES_OF = date(2024, 12, 31)
RATES = {
    "EUR": 1.0,
    "BGN": 1.9558,
    "CHF": 0.9412,
    "CZK": 25.185,
    "DKK": 7.4578,
    "GBP": 0.82918,
    "HUF": 411.35,
    "ISK": 143.9,
    "NOK": 11.795,
    "PLN": 4.275,
    "RON": 4.9743,
    "SEK": 11.459,
    "USD": 1.0389,
}
"""What one euro was on that day, by the reference rates of the European Central Bank."""
A_YEAR = {Interval.HOUR: 2080, Interval.DAY: 260, Interval.WEEK: 52, Interval.MONTH: 12, Interval.YEAR: 1}
"""How often an interval is paid in a year of full time: 52 weeks of 5 days of 8 hours."""
BELIEVABLE = range(1_000, 2_000_000)
"""Euros a year. What comes to less or more has another interval or currency than it says."""
HIGHEST = 1e9
_NUMBER = r"[0-9]{1,3}(?:[ \u00a0\u202f.,'][0-9]{3})+(?:[.,][0-9]{1,2})?|[0-9]{1,9}(?:[.,][0-9]{1,2})?"
_SIGNS = {"€": "EUR", "£": "GBP", "zł": "PLN", "Kč": "CZK"}
_CURRENCY = re.compile("|".join((*_SIGNS, *(rf"\b{name}\b" for name in RATES))))
_RANGE = re.compile(rf"({_NUMBER})(?:\s*(?:-|–|—|to|bis|à|a|til|till|do)\s*({_NUMBER}))?")


def stated(
    minimum: float | None = None,
    maximum: float | None = None,
    currency: str | None = None,
    interval: Interval | None = None,
    source_text: str | None = None,
    paid: int | None = None,
) -> v.Pay | None:
    """Pay before tax; None where nothing is stated. Zero is no pay; `paid`: times a year, where it is not the usual."""
    low, high = minimum or None, maximum or None
    if low and high and low > high:
        low, high = high, low
    if not (low or high):
        return v.Pay(source_text=source_text) if source_text else None
    pay: dict[str, Any] = {"minimum": low, "maximum": high, "currency": currency, "interval": interval}
    times = paid or (A_YEAR.get(interval) if interval else None)
    return v.Pay(**pay, source_text=source_text, **_yearly(low, high, currency, times))


def _yearly(low: float | None, high: float | None, currency: str | None, times: int | None) -> dict[str, Any]:
    rate = RATES.get(currency or "")
    if not rate or not times:
        return {}
    least, most = (amount and round(amount * times / rate) for amount in (low, high))
    if any(amount and amount not in BELIEVABLE for amount in (least, most)):
        return {}
    return {"yearly_minimum": least, "yearly_maximum": most, "rates_of": None if currency == "EUR" else RATES_OF}


def between(notes: Notes, at: str, written: tuple[str | None, str | None]) -> tuple[float | None, float | None]:
    """Two amounts as they are written, each in its own member."""
    low, high = (notes.keep(codes.amount(one, at, 0, HIGHEST)) for one in written)
    return low, high


def amounts(text: str) -> tuple[float | None, float | None]:
    """`1.200 - 1.500,50` is 1200 to 1500.5; a number alone is the least. Neither where no number stands."""
    found = _RANGE.search(text)
    if not found:
        return None, None
    return _number(found[1]), _number(found[2]) if found[2] else None


def currency_in(text: str) -> str | None:
    """The currency a text names by its sign or its letters, if it is one."""
    found = {_SIGNS.get(mark, mark) for mark in _CURRENCY.findall(text)}
    return found.pop() if len(found) == 1 else None


def _number(written: str) -> float:
    bare = re.sub(r"[ \u00a0\u202f']", "", written)
    whole, mark, rest = bare.replace(",", ".").rpartition(".")
    if not mark or len(rest) == 3:
        return float(bare.replace(",", "").replace(".", ""))
    return float(f"{whole.replace('.', '')}.{rest}")
