"""Speaking to people in their language: messages, plurals, dates, money, names of countries and languages.

Messages are English in the code and the templates; `messages/<language>.po` holds the other six languages.
"""

import gettext
import io
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from schemas.vacancy import Pay

LANGUAGES = ("en", "nl", "da", "de", "fr", "sv", "nb")
TERRITORIES = {"EL": "GR", "UK": "GB"}


class Speech:
    """One language of the interface."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse("en_GB" if language == "en" else language)
        self._messages = _catalogue(language)

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

    def number(self, value: float) -> str:
        return numbers.format_decimal(value, "#,##0.##" if value % 1 else "#,##0", self._locale)

    def country(self, code: str) -> str:
        """The name of a country in EURES's spelling (EL, UK)."""
        return self._locale.territories.get(TERRITORIES.get(code, code), code)

    def language_name(self, code: str) -> str:
        return self._locale.languages.get(code, code)

    def pay(self, pay: Pay) -> str:
        """`€2,900–3,400 a month`; what the source wrote where it gave no figures."""
        figures = [
            self.money(value, pay.currency) for value in (pay.minimum, pay.maximum) if value is not None
        ]
        if not figures:
            return pay.source_text or ""
        amount = "–".join(dict.fromkeys(figures))
        return f"{amount} {self._interval(pay)}".strip()

    def money(self, value: float, currency: str | None) -> str:
        if currency is None:
            return self.number(value)
        whole = value == int(value)
        return numbers.format_currency(
            value,
            currency,
            locale=self._locale,
            currency_digits=not whole,
            format=None if not whole else _whole(self._locale),
        )

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


def _whole(locale: Locale) -> str:
    return str(locale.currency_formats["standard"].pattern).replace("0.00", "0").replace("0,00", "0")


@cache
def speech(language: str) -> Speech:
    return Speech(language)


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
    if asked in LANGUAGES:
        return asked
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if (found := {"no": "nb", "nn": "nb"}.get(tag, tag)) in LANGUAGES:
            return found
    return "en"
