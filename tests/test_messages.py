"""The interface in seven languages: every message translated, and dates, pay, countries as people write them."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from pendler.pages import render
from pendler.speech import LANGUAGES, LOCALES, locale, speech
from schemas.query import Query
from schemas.vacancy import Interval, Pay
from services.notify.digest import search_words

ROOT = Path(__file__).parent.parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
TRANSLATED = [language for language in LANGUAGES if language != "en"]
PLURALS = {"nl": "n != 1", "da": "n != 1", "de": "n != 1", "fr": "n > 1", "sv": "n != 1", "nb": "n != 1"}
QUOTES = {"nl": "“”", "da": "»«", "de": "„“", "fr": "«»", "sv": "””", "nb": "«»"}
PLACEHOLDER = re.compile(r"%\(\w+\)s|%")
WHEN = datetime(2026, 12, 12, 23, 30, tzinfo=UTC)
EUR, SEK, DKK, CHF = "EUR", "SEK", "DKK", "CHF"
HOUR, MONTH, YEAR, ONCE = Interval.HOUR, Interval.MONTH, Interval.YEAR, Interval.ONCE


@cache
def extracted() -> frozenset[str | tuple[str, ...]]:
    """What babel finds in the templates and in the code."""
    return frozenset(_extracted())


def _extracted() -> Iterator[str | tuple[str, ...]]:
    for path in sorted([*ROOT.glob("pendler/templates/*"), *ROOT.glob("services/*/templates/*")]):
        yield from _found("jinja2", path.read_bytes(), {"silent": "false"})
    for path in sorted([*ROOT.glob("pendler/**/*.py"), *ROOT.glob("services/**/*.py")]):
        yield from _found("python", _with_f_strings_open(path.read_text("utf-8")), {})


def _found(method: str, source: bytes, options: dict[str, str]) -> Iterator[str | tuple[str, ...]]:
    for _, message, _, _ in extract(method, BytesIO(source), KEYWORDS, options=options):
        yield message


def _with_f_strings_open(source: str) -> bytes:
    """Python before 3.12 reads an f-string as one token, so babel would not see a message inside it."""
    inside = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FormattedValue))
    return "\n".join([source, *map(ast.unparse, inside)]).encode()


@cache
def catalogue(language: str) -> Catalog:
    with (ROOT / f"pendler/messages/{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def messages(language: str) -> list[Message]:
    """The messages without the header."""
    return [message for message in catalogue(language) if message.id]


def forms(one: str | Sequence[str] | None) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else tuple(one or ("",))


def edges(text: str) -> tuple[int, int]:
    return len(text) - len(text.lstrip()), len(text) - len(text.rstrip())


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_message_is_missing_and_none_superfluous(language: str) -> None:
    asked, given = extracted(), {message.id for message in messages(language)}
    assert len(asked) > 100
    assert asked - given == set(), "missing"
    assert given - asked == set(), "superfluous"
    assert not catalogue(language).obsolete


def test_messages_inside_f_strings_are_found() -> None:
    source = """subject = f"{spoken.ngettext('%(num)s day', '%(num)s days', n)} {_('left')}" """
    assert set(_found("python", _with_f_strings_open(source), {})) == {("%(num)s day", "%(num)s days"), "left"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_whole(language: str) -> None:
    for message in messages(language):
        assert not message.fuzzy, message.id
        assert all(forms(message.string)), f"empty: {message.id}"
        assert len(forms(message.string)) == len(forms(message.id)), f"plural forms: {message.id}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_and_edges_are_those_of_the_source(language: str) -> None:
    for message in messages(language):
        for source, translation in zip(forms(message.id), forms(message.string), strict=True):
            assert Counter(PLACEHOLDER.findall(translation)) == Counter(PLACEHOLDER.findall(source)), source
            assert edges(translation) == edges(source), source


@pytest.mark.parametrize("language", TRANSLATED)
def test_quotation_marks_are_the_language_s_own(language: str) -> None:
    for message in messages(language):
        for source, translation in zip(forms(message.id), forms(message.string), strict=True):
            marks = "".join(re.findall(r"[“”„»«\"]", translation))
            assert marks == QUOTES[language] * source.count("“"), translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_header_says_language_and_plural_rule(language: str) -> None:
    opened = catalogue(language)
    assert str(opened.locale) == language
    assert (opened.num_plurals, opened.plural_expr.strip("()")) == (2, PLURALS[language])


def test_every_language_has_its_messages() -> None:
    assert sorted(path.stem for path in ROOT.glob("pendler/messages/*.po")) == sorted(TRANSLATED)


@pytest.mark.parametrize(
    ("language", "none", "one", "many"),
    [
        ("en", "0 new jobs", "1 new job", "3 new jobs"),
        ("nl", "0 nieuwe banen", "1 nieuwe baan", "3 nieuwe banen"),
        ("da", "0 nye job", "1 nyt job", "3 nye job"),
        ("de", "0 neue Stellen", "1 neue Stelle", "3 neue Stellen"),
        ("fr", "0 nouvelle offre d’emploi", "1 nouvelle offre d’emploi", "3 nouvelles offres d’emploi"),
        ("sv", "0 nya jobb", "1 nytt jobb", "3 nya jobb"),
        ("nb", "0 nye jobber", "1 ny jobb", "3 nye jobber"),
    ],
)
def test_plurals_are_spoken(language: str, none: str, one: str, many: str) -> None:
    for count, said in ((0, none), (1, one), (3, many)):
        spoken = speech(language).ngettext("%(num)s new job", "%(num)s new jobs", count)
        assert spoken % {"num": count} == said


def test_an_unknown_message_stays_english() -> None:
    assert speech("nl").gettext("Not a message") == "Not a message"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "for “lasser” near Zelzate (40 km) in Belgium, Netherlands"),
        ("nl", "voor “lasser” bij Zelzate (40 km) in België, Nederland"),
        ("da", "for »lasser« nær Zelzate (40 km) i Belgien, Nederlandene"),
        ("de", "für „lasser“ bei Zelzate (40 km) mit Arbeitsort Belgien, Niederlande"),
        ("fr", "pour « lasser » dans un rayon de 40 km (Zelzate) avec pour lieu de travail : Belgique, Pays-Bas"),
        ("sv", "för ”lasser” nära Zelzate (40 km) i Belgien, Nederländerna"),
        ("nb", "for «lasser» nær Zelzate (40 km) i Belgia, Nederland"),
    ],
)
def test_a_search_in_words(language: str, words: str) -> None:
    query = Query(q="lasser", near="Zelzate", km=40, country=("BE", "NL"))
    assert plain(search_words(query, speech(language))) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "for “lasser” within about 45 minutes of Zelzate"),
        ("nl", "voor “lasser” binnen ongeveer 45 minuten van Zelzate"),
        ("da", "for »lasser« inden for cirka 45 minutter fra Zelzate"),
        ("de", "für „lasser“ höchstens etwa 45 Minuten von Zelzate entfernt"),
        ("fr", "pour « lasser » à environ 45 minutes au plus de Zelzate"),
        ("sv", "för ”lasser” inom cirka 45 minuter från Zelzate"),
        ("nb", "for «lasser» innen omtrent 45 minutter fra Zelzate"),
    ],
)
def test_a_search_by_minutes_in_words(language: str, words: str) -> None:
    assert plain(search_words(Query(q="lasser", near="Zelzate", minutes=45), speech(language))) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (Query(), ""),
        (Query(lang="nl", sort="newest", strict=True), ""),
        (Query(source=("be-vdab",)), "with 1 filter"),
        (Query(q="lasser", speaks=("nl", "fr"), pay=30_000), "for “lasser” with 2 filters"),
    ],
)
def test_filters_of_a_search_are_counted(query: Query, words: str) -> None:
    assert search_words(query, speech("en")) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_speaks(language: str) -> None:
    told = {"heading": "", "lines": [], "button": "", "chosen": None, "further": [], "preview": None}
    context = {"languages": [], "path": "/", **told}
    html = render("services.notify", "say.html", language, context)
    assert speech(language).gettext("Search jobs") in html
    assert ("Search jobs" in html) == (language == "en")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "12 December 2026"),
        ("nl", "12 december 2026"),
        ("da", "12. december 2026"),
        ("de", "12. Dezember 2026"),
        ("fr", "12 décembre 2026"),
        ("sv", "12 december 2026"),
        ("nb", "12. desember 2026"),
    ],
)
def test_dates(language: str, said: str) -> None:
    assert speech(language).date(date(2026, 12, 12)) == said
    assert speech(language).date(WHEN) == said
    assert speech(language).date(WHEN.astimezone(timezone(timedelta(hours=2)))) == said, "counts in UTC"


@pytest.mark.parametrize(
    ("language", "pay", "said"),
    [
        ("en", (2900, 3400, EUR, MONTH), "€2,900–3,400 a month"),
        ("nl", (2900, 3400, EUR, MONTH), "€ 2.900–3.400 per maand"),
        ("da", (2900, 3400, EUR, MONTH), "2.900–3.400 € om måneden"),
        ("de", (2900, 3400, EUR, MONTH), "2.900–3.400 € im Monat"),
        ("fr", (2900, 3400, EUR, MONTH), "2 900–3 400 € par mois"),
        ("sv", (2900, 3400, EUR, MONTH), "2 900–3 400 € i månaden"),
        ("nb", (2900, 3400, EUR, MONTH), "2 900–3 400 € i måneden"),
        # A currency is named as the reader knows it, a foreign krone not as the own one.
        ("sv", (29500, 32500, SEK, MONTH), "29 500–32 500 kr i månaden"),
        ("da", (195, 225, DKK, HOUR), "195–225 kr. i timen"),
        ("nb", (195, 225, DKK, HOUR), "195–225 DKK i timen"),
        ("en", (29500, 32500, SEK, MONTH), "SEK 29,500–32,500 a month"),
        ("fr", (54000, 61000, CHF, YEAR), "54 000–61 000 CHF par an"),
        # Cents in the whole range or nowhere, and never rounded away.
        ("nl", (15.5, 18, EUR, HOUR), "€ 15,50–18,00 per uur"),
        ("de", (14.4375, 15, EUR, HOUR), "14,4375–15,00 € pro Stunde"),
        # One figure, one bound, no unit, no interval.
        ("en", (500, 500, EUR, ONCE), "€500 once"),
        ("nl", (2900, None, EUR, MONTH), "vanaf € 2.900 per maand"),
        ("fr", (None, 3400, EUR, MONTH), "jusqu’à 3 400 € par mois"),
        ("de", (2900, 3400, None, None), "2.900–3.400"),
        ("sv", (None, None, None, None), "Månadslön enligt avtal"),
    ],
)
def test_pay(language: str, pay: tuple[float | None, float | None, str | None, Interval | None], said: str) -> None:
    minimum, maximum, currency, interval = pay
    stated = Pay(
        minimum=minimum,
        maximum=maximum,
        currency=currency,
        interval=interval,
        source_text="Månadslön enligt avtal",
    )
    assert plain(speech(language).pay(stated)) == said


def test_pay_does_not_break_between_figure_and_unit() -> None:
    assert speech("nl").money(EUR, 2900) == "€\u00a02.900"
    assert speech("fr").money(EUR, 2900) == "2\u202f900\u00a0€"
    assert speech("en").money(SEK, 2900) == "SEK\u00a02,900"


@pytest.mark.parametrize(
    ("language", "value", "said"),
    [
        ("en", 1234567, "1,234,567"),
        ("nl", 12345.5, "12.345,5"),
        ("de", 1234, "1.234"),
        ("fr", 12345.5, "12 345,5"),
        ("sv", 12345, "12 345"),
        ("nb", 7, "7"),
    ],
)
def test_numbers(language: str, value: float, said: str) -> None:
    assert plain(speech(language).number(value)) == said


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("en", "EL", "Greece"),
        ("en", "UK", "United Kingdom"),
        ("nl", "EL", "Griekenland"),
        ("da", "DE", "Tyskland"),
        ("de", "EL", "Griechenland"),
        ("fr", "NL", "Pays-Bas"),
        ("sv", "CZ", "Tjeckien"),
        ("nb", "EL", "Hellas"),
        ("nb", "QQ", "QQ"),
    ],
)
def test_countries(language: str, code: str, name: str) -> None:
    assert speech(language).country(code) == name


@pytest.mark.parametrize(
    ("language", "code", "name"),
    [
        ("en", "nl", "Dutch"),
        ("nl", "de", "Duits"),
        ("da", "sv", "svensk"),
        ("de", "fr", "Französisch"),
        ("fr", "nl", "néerlandais"),
        ("sv", "da", "danska"),
        ("nb", "nb", "norsk bokmål"),
        ("nb", "qq", "qq"),
    ],
)
def test_languages(language: str, code: str, name: str) -> None:
    assert speech(language).language_name(code) == name


@pytest.mark.parametrize(
    ("asked", "accepted", "tag"),
    [
        ("de-BE", "", "de-BE"),
        ("de", "nl-BE, de-be;q=0.8", "de-BE"),
        ("de", "nl-BE", "de"),
        (None, "fr-LU,fr;q=0.9", "fr-LU"),
        (None, "fr-CA,en", "fr"),
        ("xx-BE", "nb-NO", "nb"),
    ],
)
def test_a_reader_s_country_is_heeded(asked: str | None, accepted: str, tag: str) -> None:
    assert locale(asked, accepted) == tag


def test_a_country_writes_its_figures_and_speaks_the_language() -> None:
    assert all(speech(tag).gettext("Language") == speech(tag[:2]).gettext("Language") for tag in LOCALES)
    assert {plain(speech(tag).number(12345.5)) for tag in ("fr", "fr-LU")} == {"12 345,5", "12.345,5"}
    assert {plain(speech(tag).money("EUR", 2900)) for tag in ("de", "de-AT")} == {"2.900 €", "€ 2.900"}


def test_every_language_names_itself() -> None:
    named = [speech(language).own_name() for language in LANGUAGES]
    assert named == ["English", "Nederlands", "Dansk", "Deutsch", "Français", "Svenska", "Norsk bokmål"]


def plain(text: str) -> str:
    """With simple spaces, so that the tables can be read."""
    return re.sub(r"\s", " ", text)
