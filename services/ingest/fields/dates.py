"""Dates as sources write them. A date that is none counts as absent, with a warning: nothing is guessed."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from schemas.event import Reason
from services.ingest.fields.strict import Read, warning

YEARS = range(1990, 2101)
ZONES = {
    "AT": "Europe/Vienna",
    "BE": "Europe/Brussels",
    "BG": "Europe/Sofia",
    "CH": "Europe/Zurich",
    "CY": "Asia/Nicosia",
    "CZ": "Europe/Prague",
    "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn",
    "EL": "Europe/Athens",
    "ES": "Europe/Madrid",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "HR": "Europe/Zagreb",
    "HU": "Europe/Budapest",
    "IE": "Europe/Dublin",
    "IS": "Atlantic/Reykjavik",
    "IT": "Europe/Rome",
    "LI": "Europe/Vaduz",
    "LT": "Europe/Vilnius",
    "LU": "Europe/Luxembourg",
    "LV": "Europe/Riga",
    "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam",
    "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw",
    "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest",
    "SE": "Europe/Stockholm",
    "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
    "UK": "Europe/London",
}
"""The zone of each country's capital, by the EURES spelling of its code; elsewhere times are UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WITH_TIME = len("2026-03-31T12:00")
_END_OF_DAY = time(23, 59, 59)
_MILLISECONDS = re.compile(r"[0-9]{12,14}")
_MAILED = re.compile(r"(?:\w{3}, )?\d{1,2} \w{3} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|[A-Z]{1,4})", re.ASCII)
_FORM = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d\d?\.\d\d?\.\d{4})"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r" ?(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)


def instant(value: str | int | None, at: str, zone: str = "UTC") -> Read[datetime]:
    """A point in time, in UTC. Without an offset it is read in `zone`; a date alone means its beginning."""
    return _read(value, at, zone, time.min)


def deadline(value: str | int | None, at: str, zone: str = "UTC") -> Read[datetime]:
    """The same for the last moment of something: a date alone is the end of that day."""
    return _read(value, at, zone, _END_OF_DAY)


def day(value: str | None, at: str) -> Read[date]:
    """A calendar day as written, whatever time stands behind it."""
    if value is None or value == "":
        return None, None
    form = _FORM.fullmatch(value.strip())
    if form is None:
        return None, warning("date-unreadable", at, value, "write 2026-03-31")
    try:
        found = _date(form["day"])
    except ValueError:
        return None, _impossible(value, at)
    return (found, None) if found.year in YEARS else (None, _impossible(value, at))


def mailed(value: str | None) -> Read[datetime] | None:
    """A time as mails and RSS write it, `Tue, 17 Nov 2026 08:00:00 +0100`; None for any other form."""
    if not value or not _MAILED.fullmatch(value):
        return None
    try:
        read = parsedate_to_datetime(value)
        found = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (found, None) if found.year in YEARS else None


def day_or_words(written: str | None) -> tuple[date | None, str | None]:
    """A day, or the words that stand for one."""
    found, _ = day(written, "")
    return (found, None) if found else (None, written)


def not_after(value: datetime | None, now: datetime, at: str) -> Read[datetime]:
    """A time of the past, as it is; more than a day ahead of `now` it counts as absent."""
    if value is None or value <= now + timedelta(days=1):
        return value, None
    return None, warning("timestamp-in-future", at, value.isoformat(), "a time of the past was expected")


def _read(value: str | int | None, at: str, zone: str, time_of_day: time) -> Read[datetime]:
    if value is None or value == "":
        return None, None
    try:
        found = _moment(str(value).strip(), zone, time_of_day)
        found = found and found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None, _impossible(value, at)
    if found is None:
        return None, warning("date-unreadable", at, value, "write 2026-03-31 or 2026-03-31T12:00:00+02:00")
    return (found, None) if found.year in YEARS else (None, _impossible(value, at))


def _moment(written: str, zone: str, time_of_day: time) -> datetime | None:
    if len(written) >= _WITH_TIME and written[4] == written[7] == "-" and (quick := _iso(written)):
        return quick if quick.tzinfo else quick.replace(tzinfo=ZoneInfo(zone))
    if _MILLISECONDS.fullmatch(written):
        return _EPOCH + timedelta(milliseconds=int(written))
    form = _FORM.fullmatch(written)
    if form is None:
        return None
    tz = _offset(form["offset"]) if form["offset"] else ZoneInfo(zone)
    return datetime.combine(_date(form["day"]), _time(form) or time_of_day, tz)


def _iso(written: str) -> datetime | None:
    """The usual form, seen at once; what Python does not know is looked at again."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None


def _date(written: str) -> date:
    """A date with dots has its day first, wherever in Europe it is written."""
    if "." not in written:
        return date.fromisoformat(written)
    day, month, year = map(int, written.split("."))
    return date(year, month, day)


def _time(form: re.Match[str]) -> time | None:
    if form["hour"] is None:
        return None
    microsecond = int((form["fraction"] or "0")[:6].ljust(6, "0"))
    return time(int(form["hour"]), int(form["minute"]), int(form["second"] or 0), microsecond)


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    return timezone(timedelta(hours=hours, minutes=minutes) * (-1 if text[0] == "-" else 1))


def _impossible(value: str | int, at: str) -> Reason:
    return warning("date-impossible", at, value, f"a day of the calendar, {YEARS[0]} to {YEARS[-1]}")
