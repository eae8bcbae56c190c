"""Speaking to people in their language: messages, plurals, dates, money, names of countries and languages.

Messages are English in the code and the templates; `messages/<language>.po` holds the other six languages.
"""

import gettext
import io
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from schemas.vacancy import Pay

LANGUAGES = ("en", "nl", "da", "de", "fr", "sv", "nb")
LOCALES = ("nl-BE", "de-BE", "de-LU", "de-AT", "de-CH", "fr-BE", "fr-LU", "fr-CH", "sv-FI", "en-IE")
"""Where a language is spoken in another way: its figures, its money, its dates. The words are those of the language."""
TERRITORIES = {"EL": "GR", "UK": "GB"}
NO_BREAK_SPACE = "\u00a0"


class Speech:
    """One language of the interface, as it is written in one country where the tag names one (`de-BE`)."""

    def __init__(self, tag: str) -> None:
        self.tag, self.language = tag, tag.partition("-")[0]
        self._locale = Locale.parse("en_GB" if tag == "en" else tag, sep="-" if "-" in tag else "_")
        self._messages = _catalogue(self.language)

    def gettext(self, message: str) -> str:
        return self._messages.gettext(message)

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self._messages.ngettext(one, many, count)

    def own_name(self) -> str:
        """The language in itself: `Nederlands`."""
        return str(self._locale.get_language_name() or self.language).capitalize()

    def date(self, at: date | datetime) -> str:
        """`12 December 2026`; a date-time counts in UTC."""
        return str(dates.format_date(at.astimezone(UTC) if isinstance(at, datetime) else at, "long", self._locale))

    def duration(self, seconds: float) -> str:
        """`3 minutes`."""
        return dates.format_timedelta(timedelta(seconds=seconds), locale=self._locale)

    def number(self, value: float) -> str:
        return numbers.format_decimal(value, "#,##0.##" if value % 1 else "#,##0", self._locale)

    def country(self, code: str) -> str:
        """The name of a country in EURES's spelling (EL, UK)."""
        return str(self._locale.territories.get(TERRITORIES.get(code, code), code))

    def language_name(self, code: str) -> str:
        return str(self._locale.languages.get(code, code))

    def pay(self, pay: Pay) -> str:
        """`€2,900–3,400 a month`, `from €2,900 a month`; what the source wrote where it gave no figures."""
        figures = dict.fromkeys(value for value in (pay.minimum, pay.maximum) if value is not None)
        if not figures:
            return pay.source_text or ""
        told = f"{self.money(pay.currency, *figures)} {self._interval(pay)}".strip()
        return self._bound(pay) % {"pay": told}

    def money(self, currency: str | None, *values: float) -> str:
        """`€15.50`, `€2,900–3,400`: the unit once, and no cents where no figure has any."""
        pattern = "#,##0.00##" if any(value % 1 for value in values) else "#,##0"
        figures = "–".join(numbers.format_decimal(value, pattern, self._locale) for value in values)
        if currency is None:
            return figures
        around = self._locale.currency_formats["standard"]
        unit = numbers.get_currency_symbol(currency, self._locale)
        before, after = (part[0].replace("¤", unit) for part in (around.prefix, around.suffix))
        # CLDR sets a code off from the figure (`SEK 29,500`); its patterns alone do not say so.
        return f"{before}{NO_BREAK_SPACE if before[-1:].isalpha() else ''}{figures}{after}"

    def _bound(self, pay: Pay) -> str:
        if pay.maximum is None:
            return self.gettext("from %(pay)s")
        return self.gettext("up to %(pay)s") if pay.minimum is None else "%(pay)s"

    def _interval(self, pay: Pay) -> str:
        _ = self.gettext
        names = {
            "Hour": _("an hour"),
            "Day": _("a day"),
            "Week": _("a week"),
            "Month": _("a month"),
            "Year": _("a year"),
            "Once": _("once"),
        }
        return names.get(pay.interval or "", "")


@cache
def speech(tag: str) -> Speech:
    return Speech(tag)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    source = files("pendler").joinpath(f"messages/{language}.po")
    if not source.is_file():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source.read_bytes()), locale=language))
    return gettext.GNUTranslations(io.BytesIO(compiled.getvalue()))


def choose(asked: str | None, accepted: str) -> str:
    """The language to speak: the one asked for, else the first we have of an Accept-Language header, else English."""
    if (named := (asked or "").partition("-")[0].lower()) in LANGUAGES:
        return named
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if (found := {"no": "nb", "nn": "nb"}.get(tag, tag)) in LANGUAGES:
            return found
    return "en"


def locale(asked: str | None, accepted: str) -> str:
    """The language to speak, with its country where the reader names one that we know: `de-BE`."""
    language = choose(asked, accepted)
    tags = [tag.partition(";")[0].strip().lower() for tag in (asked or "", *accepted.split(","))]
    return next((one for tag in tags for one in LOCALES if one.lower() == tag and one[:2] == language), language)
