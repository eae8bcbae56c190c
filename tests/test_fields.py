"""What feeds read alike: tables of what comes in and what is made of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.vacancy import Interval, Offering, Schedule
from services.ingest.feed import Flaw
from services.ingest.fields import codes, dates, employment, pay
from services.ingest.fields.channels import website
from services.ingest.fields.html import from_text, plain, sanitise
from services.ingest.fields.nace import nace
from services.ingest.fields.strict import (
    clean,
    external_id,
    mailbox,
    readable_id,
    web_address,
    xml_document,
)
from services.ingest.fields.strict_json import json_document, json_item

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_encoding_is_honoured() -> None:
    assert xml_document('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1")).text == "é"
    assert json_document(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') == {"a": "é"}


def test_a_flawed_record_keeps_what_can_be_kept() -> None:
    item = json_item(json_document(b'{"id": 7, "a": NaN, "b": "\\ud800"}'), 7)
    assert (item.external_id, item.body) == ("7", '{"id": 7, "a": "NaN", "b": "\\ud800"}')


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  a\r\nb\rc\td ", "a\nb\nc\td"),
        ("cafe\u0301", "café"),
        ("a\0b\x1b[31m\u202ec\u2066\ufeff", "ab[31mc"),
        ("е\u0308 – “x”\u2028y", "ё – “x”\ny"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("e" + "\u0300\u0316" * 500, "è" + "\u0316" * 4 + "\u0300" * 3),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_clean_is_bounded_in_length_and_time() -> None:
    assert len(clean("x" * 1000, 10)) == 10
    assert len(clean("e" + "\u0300\u0316" * 49_000)) < 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a-1", "a-1"), (" 7 ", "7"), (22884504, "22884504"), (True, None), (1.5, None), ("", None), ("a\tb", None)],
)
def test_readable_id(value: object, expected: str | None) -> None:
    assert readable_id(value) == expected
    if expected is None:
        with pytest.raises(Flaw):
            external_id(value, "/id")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" HTTPS://x.example.org/a?b=ö#c ", "https://x.example.org/a?b=ö#c"),
        ("javascript:alert(1)", None),
        ("www.example.org", None),
        ("http://", None),
        ("http://a b", None),
        ("http://example.org/" + "a" * 2000, None),
        ('http://example.org/"onclick="', None),
    ],
)
def test_web_address(value: str, expected: str | None) -> None:
    found, reason = web_address(value, "/url")
    assert found == expected
    assert (reason is None) is (expected is not None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mailto:a.b+c@example.org", "a.b+c@example.org"),
        ("a@b", None),
        ("a@example.org\nBcc: x", None),
        ("Ask us", None),
    ],
)
def test_mailbox(value: str, expected: str | None) -> None:
    assert mailbox(value, "/email")[0] == expected


@pytest.mark.parametrize(
    ("html", "safe", "text"),
    [
        ("<p>Hej&nbsp;du</p><p>Vi</p>", "<p>Hej du</p><p>Vi</p>", "Hej du\n\nVi"),
        ("a<ul><li>b</li><li><p>c</p></li></ul>d", "a<ul><li>b</li><li><p>c</p></li></ul>d", "a\n\n- b\n- c\n\nd"),
        ("<div>A</div><div>B<br/>C</div>", "<p>A</p><p>B<br>C</p>", "A\n\nB\nC"),
        ("<h1>T</h1><h5>u</h5><blockquote>v</blockquote>", "<h2>T</h2><h4>u</h4><p>v</p>", "T\n\nu\n\nv"),
        ("<script>x()</script><style>p{}</style><!-- c --><b onclick=x>y</b>", "<b>y</b>", "y"),
        ("<img src=x onerror=x()><p>z</p><iframe src=//x></iframe>", "<p>z</p>", "z"),
        ("deltid&#xa0;i hotell- &amp; rest", "<p>deltid i hotell- &amp; rest</p>", "deltid i hotell- & rest"),
        ("<p>a&amp;#xa0;b &amp;amp; c</p>", "<p>a b &amp; c</p>", "a b & c"),
        ("&lt;p&gt;a&lt;/p&gt;&lt;script&gt;x&lt;/script&gt;", "<p>a</p>", "a"),
        ("1 &lt; 2 and 3 < 4", "<p>1 &lt; 2 and 3 &lt; 4</p>", "1 < 2 and 3 < 4"),
        ("<p>a&#x202e;b&#0;</p>", "<p>ab\ufffd</p>", "ab\ufffd"),
        ("<p> </p><p><br></p><ul></ul>", "", ""),
        ("", "", ""),
    ],
)
def test_sanitise(html: str, safe: str, text: str) -> None:
    assert sanitise(html) == (safe, text)


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.org/?a=1&b=2", 'href="https://example.org/?a=1&amp;b=2" '),
        ("mailto:a@example.org", 'href="mailto:a@example.org" '),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//example.org", ""),
        ("null", ""),
    ],
)
def test_links_are_absolute_and_not_followed(link: str, kept: str) -> None:
    assert sanitise(f'<a href="{link}" target=_top>x</a>')[0] == f'<a {kept}rel="nofollow noopener">x</a>'


def test_newlines_between_words_can_be_line_breaks() -> None:
    html = "<p>Om</p>\r\nHos oss \r\n• Minst\n\nSist\n<p>x</p>"
    assert sanitise(html, lines=True)[1] == "Om\n\nHos oss\n• Minst\n\nSist\n\nx"
    assert sanitise(html)[1] == "Om\n\nHos oss • Minst Sist\n\nx"


@pytest.mark.parametrize(
    ("text", "html", "twin"),
    [
        ("a <b>\nc\n\n\nd  e", "<p>a &lt;b&gt;<br>c</p><p>d e</p>", "a <b>\nc\n\nd e"),
        ("  ", "", ""),
    ],
)
def test_from_text(text: str, html: str, twin: str) -> None:
    assert from_text(text) == (html, twin)


@pytest.mark.parametrize(
    "html",
    [
        "<ul><li>" * 50_000,
        "<p><b>" * 2_000,
        "<div" * 90_000,
        "<" * 99_999,
        "&amp;" * 20_000,
        "x\n" * 50_000 + "<b>",
        "<b>" * 4_000,
    ],
)
def test_html_of_any_kind_is_bounded(html: str) -> None:
    safe, text = sanitise(html + "end", lines=True)
    assert max(len(safe), len(text)) <= 100_000
    if len(html) < 50_000:
        assert text.endswith("end")


def test_plain_undoes_one_escape() -> None:
    assert plain("R&amp;D &#8211; k&ouml;k") == "R&D – kök"
    assert plain("AT&T; a & b &copy 2") == "AT&T; a & b &copy 2"
    assert plain(None) is None


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-09-06T23:59:59", "Europe/Stockholm", "2026-09-06T21:59:59+00:00"),
        ("2018-10-19 00:00:00", "Europe/Stockholm", "2018-10-18T22:00:00+00:00"),
        ("2025-03-11T12:01:12.764Z", "Europe/Paris", "2025-03-11T12:01:12.764000+00:00"),
        ("2025-03-11T12:01:12.123456789+01:00", "UTC", "2025-03-11T11:01:12.123456+00:00"),
        ("2025-03-11T12:01:12.9", "UTC", "2025-03-11T12:01:12.900000+00:00"),
        ("2025-03-11T12:01+0530", "UTC", "2025-03-11T06:31:00+00:00"),
        ("2019-03-01", "Europe/Oslo", "2019-02-28T23:00:00+00:00"),
        (1786453353458, "UTC", "2026-08-11T13:02:33.458000+00:00"),
        ("1786453353458", "UTC", "2026-08-11T13:02:33.458000+00:00"),
        (" 2026-07-01Z ", "Europe/Oslo", "2026-07-01T00:00:00+00:00"),
    ],
)
def test_instant(value: str | int, zone: str, expected: str) -> None:
    found, reason = dates.instant(value, "/at", zone)
    assert reason is None
    assert found
    assert found.isoformat() == expected


def test_a_date_alone_as_deadline_ends_with_the_day() -> None:
    assert dates.deadline("2026-07-01", "/at", "Europe/Oslo")[0] == datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert dates.deadline("2026-07-01T10:00", "/at")[0] == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("2026-02-30", "date-impossible"),
        ("0001-01-01T00:00:00", "date-impossible"),
        ("2101-06-01", "date-impossible"),
        ("2026-01-01T25:00:00", "date-impossible"),
        ("2026-01-01T10:00:00+99:00", "date-impossible"),
        (99999999999999, "date-impossible"),
        (1786453353, "date-unreadable"),
        ("03.13.2019", "date-impossible"),
        ("01/03/2019", "date-unreadable"),
        ("Snarest", "date-unreadable"),
        ("２０２６-01-01", "date-unreadable"),
    ],
)
def test_a_date_that_is_none_is_absent(value: str | int, rule: str) -> None:
    found, reason = dates.instant(value, "/at", "Europe/Oslo")
    assert found is None
    assert reason
    assert (reason.rule, reason.severity) == (rule, "warning")


@pytest.mark.parametrize("value", [None, ""])
def test_no_date_is_no_warning(value: str | None) -> None:
    assert dates.instant(value, "/at") == dates.deadline(value, "/at") == dates.day(value, "/at") == (None, None)


def test_not_after() -> None:
    soon, far = datetime(2026, 11, 24, 11, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    assert dates.not_after(soon, NOW, "/at") == (soon, None)
    found, reason = dates.not_after(far, NOW, "/at")
    assert found is None
    assert reason
    assert reason.rule == "timestamp-in-future"


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (codes.one_of(Offering), " directHIRE ", Offering.DIRECT_HIRE),
        (codes.one_of(Schedule), "fulltime", Schedule.FULL_TIME),
        (codes.one_of(Interval), "TwoWeeks", None),
        (codes.country, "gr", "EL"),
        (codes.country, "GB", "UK"),
        (codes.country, "UK", "UK"),
        (codes.country, "se ", "SE"),
        (codes.country, "ZZ", None),
        (codes.country, "EU", None),
        (codes.country, "199", None),
        (codes.language, "NO", "nb"),
        (codes.language, "nn", "nb"),
        (codes.language, "sv-SE", "sv"),
        (codes.language, "xx", None),
        (codes.cefr, "b2", "B2"),
        (codes.cefr, "good", None),
        (codes.licence, "c1e", "C1E"),
        (codes.licence, "B+E", "BE"),
        (codes.licence, "Truck", None),
        (codes.currency, "sek", "SEK"),
        (codes.currency, "kr.", None),
        (codes.truth, "TRUE", True),
        (codes.truth, "0", False),
        (codes.truth, "maybe", None),
        (codes.amount, "3600.50", 3600.5),
        (codes.amount, "NaN", None),
        (codes.amount, "1_000", None),
        (codes.amount, "-1", None),
        (codes.amount, "1e99", None),
    ],
)
def test_code_lists(read: Callable[[str | None, str], Any], value: str, expected: object) -> None:
    found, reason = read(value, "/code")
    assert found == expected
    assert (reason is None) is (expected is not None)
    assert read("", "/code") == read(None, "/code") == (None, None)


@pytest.mark.parametrize(
    ("value", "scheme", "expected"),
    [
        ("3", "EURES_ISCEDEducationLevel", "ISCED3"),
        ("0", "ISCED2011", "ISCED0"),
        ("6", "EQF", "EQF6"),
        ("0", "EQF", None),
        ("9", "EURES_ISCEDEducationLevel", None),
        ("3", None, None),
    ],
)
def test_education(value: str, scheme: str | None, expected: str | None) -> None:
    assert codes.education(value, "/level", scheme)[0] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Svenska", "sv"),
        ("norska", "nb"),
        ("Tigrinja/Tigrinska", "ti"),
        ("Persiska (Farsi)", "fa"),
        ("Meänkieli", None),
    ],
)
def test_languages_by_their_swedish_names(name: str, expected: str | None) -> None:
    assert codes.language_named(name, "sv") == expected


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [
        ("Sverige", "sv", "SE"),
        ("Grekland", "sv", "EL"),
        ("NORGE", "nb", "NO"),
        ("Deutschland", "de", "DE"),
        ("Mars", "sv", None),
    ],
)
def test_countries_by_their_names(name: str, language: str, expected: str | None) -> None:
    assert codes.country_named(name, language) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("33.170", "C33.17"),
        ("10.71C", "C10.71"),
        ("C33.1.7", "C33.17"),
        ("B9.1.0", "B09.10"),
        ("09.109", "B09.10"),
        ("I56.1", "I56.1"),
        ("84", "O84"),
        ("J", "J"),
        ("", None),
        ("1235-5", None),
        ("0.1", None),
        ("Bakery", None),
    ],
)
def test_industries_are_spelt_in_one_way(written: str, expected: str | None) -> None:
    found, reason = nace(written, "/at")
    assert found == expected
    assert (reason is None) is (found is not None or not written)


@pytest.mark.parametrize(
    ("low", "high", "currency", "interval", "paid", "yearly"),
    [
        (2000, 2200.4, "EUR", Interval.MONTH, None, (24_000, 26_405)),
        (2000, None, "EUR", Interval.MONTH, 13, (26_000, None)),
        (15, None, "EUR", Interval.HOUR, None, (31_200, None)),
        (25_185, None, "CZK", Interval.MONTH, None, (12_000, None)),
        (None, 40_000, "EUR", Interval.YEAR, None, (None, 40_000)),
        (5, None, "EUR", Interval.MONTH, None, (None, None)),  # nobody is paid that: an hour was meant
        (40_000, None, "EUR", Interval.WEEK, None, (None, None)),
        (2000, None, None, Interval.MONTH, None, (None, None)),
        (2000, None, "XAF", Interval.MONTH, None, (None, None)),
        (2000, None, "EUR", Interval.ONCE, None, (None, None)),
        (2000, None, "EUR", None, None, (None, None)),
    ],
)
def test_pay_of_a_year(
    low: float | None,
    high: float | None,
    currency: str | None,
    interval: Interval | None,
    paid: int | None,
    yearly: tuple[int | None, int | None],
) -> None:
    found = pay.stated(low, high, currency, interval, "as written", paid)
    assert found
    assert (found.minimum, found.maximum, found.source_text) == (low, high, "as written")
    assert (found.yearly_minimum, found.yearly_maximum) == yearly
    assert (found.rates_of == pay.RATES_OF) is (currency == "CZK")


def test_pay_that_says_nothing_and_pay_the_wrong_way_round() -> None:
    assert pay.stated(0, 0, "EUR", Interval.MONTH) is None
    assert pay.stated(source_text="tariff") == pay.stated(0, None, "EUR", Interval.MONTH, "tariff")
    swapped = pay.stated(3000, 2000, "EUR", Interval.MONTH)
    assert swapped
    assert (swapped.minimum, swapped.maximum) == (2000, 3000)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1000 - 1200", (1000, 1200)),
        ("1.200,50 – 1.400 €", (1200.5, 1400)),
        ("£25,000 to £30,000.50", (25_000, None)),
        ("25\u202f000 à 30 000", (25_000, 30_000)),
        ("12.17", (12.17, None)),
        ("1'200", (1200, None)),
        ("nach Tarif", (None, None)),
    ],
)
def test_amounts_in_words(written: str, expected: tuple[float | None, float | None]) -> None:
    assert pay.amounts(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.200 €", "EUR"),
        ("EUR 12", "EUR"),
        ("30 000 Kč", "CZK"),
        ("EUROPE 5", None),
        ("12 € or £10", None),
        ("12", None),
    ],
)
def test_currencies_in_words(written: str, expected: str | None) -> None:
    assert pay.currency_in(written) == expected


def test_kinds_of_posts_in_the_words_of_job_boards() -> None:
    assert employment.schedule(["FULL_TIME"]) == employment.schedule(["Full time"]) == Schedule.FULL_TIME
    assert employment.schedule(["full-time", "PART_TIME"]) == Schedule.ANY
    assert employment.offering(["INTERN", "FULL_TIME"]) == Offering.INTERNSHIP
    assert employment.offering(["INTERN", "TEMPORARY"]) is None
    assert employment.interval("MONTH") == employment.interval("monthly") == Interval.MONTH
    assert employment.remote(" no ") is False


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Tue, 17 Nov 2026 08:00:00 +0100", datetime(2026, 11, 17, 7, tzinfo=UTC)),
        ("17 Nov 2026 08:00 GMT", datetime(2026, 11, 17, 8, tzinfo=UTC)),
        ("Tue, 31 Feb 2026 08:00:00 +0100", None),
        ("2026-11-17", None),
        (None, None),
    ],
)
def test_times_as_mails_write_them(written: str | None, expected: datetime | None) -> None:
    read = dates.mailed(written)
    assert (read and read[0]) == expected


def test_dots_have_the_day_first_and_an_address_may_lack_its_scheme() -> None:
    assert dates.instant("3.1.2027", "/at", "Europe/Oslo") == (datetime(2027, 1, 2, 23, tzinfo=UTC), None)
    assert website("www.example.org", "/at") == ("http://www.example.org", None)
    assert website("example", "/at")[1]


def test_the_twin_has_no_rest_of_a_tag() -> None:
    html, text = sanitise('<p>3 &gt; 2 &lt;b&gt;</p><a href="https://example.org/?a=1>2&q=<x>">to apply</a>')
    assert text == "3 > 2 <b>\n\nto apply"
    assert "<x>" not in html.replace('<x>"', "")
