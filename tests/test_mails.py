"""Mails as people read them: one golden text a kind and language. `PENDLER_GOLDEN=write` writes them anew."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from pendler.searchable import Searchable
from pendler.speech import LANGUAGES, speech
from pendler.terms import terms
from pendler.wanted import wanted
from schemas.query import Origin, Query
from schemas.vacancy import Status
from services.notify import digest
from services.notify.joining import JOINED
from services.notify.message import LINES
from services.notify.readers import why
from services.notify.saved import News
from services.notify.state import Subscription, subscription

GOLDEN = Path(__file__).parent / "mails"
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
SITE = "https://pendler.example.org"
LINKS = {"site": SITE, "mail": "m1", "search": f"{SITE}/?q=lasser"} | {
    name: f"{SITE}/subscriptions/{name}/token" for name in ("confirm", "unsubscribe", "manage")
}
KINDS = ("alert", "saved", "joined", "confirmation", "link", "reminder")

FOUND = Searchable(
    ref="demo:1", order=1, status=Status.ACTIVE, source="demo",
    title=tuple(terms("Constructielasser", "nl")), points=frozenset({(51.335, 3.827)}),
)  # fmt: skip
BARE: dict[str, Any] = {"title": "Lasser", "employer": None, "pay": None, "apply_by": None, "km": None, "minutes": None}
BARE["speaks"] = [("fr", True), ("en", True)]


def person(language: str) -> Subscription:
    query = Query(q="lasser", near="Zelzate", km=45)
    origin = Origin(name="Zelzate", lat=51.2, lon=3.8)
    made = subscription("reader@example.org", language, query, origin, NOW, "key")
    return replace(made, id="s1", subscriber="p1")


def match_of(n: int, **members: Any) -> dict[str, Any]:
    item = {
        "ref": f"demo:{n}", "title": "Constructielasser", "language": "nl", "employer": "Werf NV",
        "places": [("Terneuzen", "NL")], "km": 17.2, "minutes": 25, "speaks": [("nl", False)], "occupation": None,
        "pay": {"minimum": 2900, "maximum": 3400, "currency": "EUR", "interval": "Month"},
        "apply_by": datetime(2026, 12, 12, tzinfo=UTC).timestamp(), "published": 1.0, "demonstration": False,
    }  # fmt: skip
    return {"item": {**item, **members}}


def news(kind: str, n: int, language: str, *changed: str) -> dict[str, Any]:
    """What is new of an advertisement that was saved."""
    saved = News(kind, f"demo:{n}", 1, match_of(n)["item"], changed)
    return {"item": saved.told(speech(language))}


def mail(kind: str, language: str) -> EmailMessage:
    one = person(language)
    reasons = why(one, wanted(one.query, one.origin), FOUND)
    many = [match_of(n, **reasons | {"km": 40.0 + n, "minutes": 40 + n}) for n in range(3, 25)]
    bare = match_of(2, **reasons | BARE)
    joined = {"item": {"news": JOINED, "source": "be-vdab", "name": "VDAB", "count": 1214}}
    match kind:
        case "alert":
            return digest.alert(one, [*many, bare, match_of(1, **reasons)], LINKS, NOW)
        case "saved":
            changes = ("title", "pay", "apply_by", "start", "schedule", "offering", "places")
            told = [news("closing", 4, language), news("closed", 5, language), news("changed.2", 6, language, *changes)]
            return digest.alert(one, [*told, match_of(1, **reasons), joined], LINKS, NOW)
        case "joined":
            return digest.alert(one, [joined], LINKS, NOW)
    made: EmailMessage = getattr(digest, kind)(one, LINKS, NOW)
    return made


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_its_golden(kind: str, language: str) -> None:
    raw = mail(kind, language).as_bytes(policy=LINES)
    message = message_from_bytes(raw, policy=policy.default)
    plain = message.get_body(("plain",))
    assert plain
    headers = [f"{name}: {value}" for name, value in message.items() if name not in ("Content-Type", "MIME-Version")]
    shown = "\n".join([*headers, "", plain.get_content()]).replace("\r\n", "\n")
    path = GOLDEN / f"{kind}.{language}.txt"
    if os.environ.get("PENDLER_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, "utf-8")
    assert shown == path.read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_its_html_says_the_same_and_fetches_nothing(kind: str, language: str) -> None:
    message = mail(kind, language)
    part, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert part
    assert plain
    document = html.document_fromstring(part.get_content())
    assert document.get("lang") == language
    assert "prefers-color-scheme: dark" in part.get_content()
    assert not document.xpath("//img | //script | //link | //iframe | //*[@src] | //*[@background]")
    assert "url(" not in part.get_content()
    links = set(document.xpath("//a/@href"))
    assert links == set(re.findall(r"https://\S+", plain.get_content()))
    words = " ".join(document.text_content().split())
    said = re.sub(r"https://\S+", "\n", plain.get_content()).replace("-- ", "\n").split("\n\n")
    for passage in said:
        assert " ".join(passage.split()).strip(" :") in words


def test_the_first_is_the_nearest_and_says_all_that_is_known() -> None:
    plain = mail("alert", "nl").get_body(("plain",))
    assert plain
    first = re.sub(r"\s+", " ", plain.get_content().partition("Constructielasser")[2])
    assert first.startswith(
        " Werf NV · Terneuzen, Nederland · 15 km, ± 24 min · € 2.900–3.400 per maand · Nederlands: waarschijnlijk · "
        "solliciteren tot en met 12 december 2026 Waarom: uw woord “lasser” staat in de titel; 15 km van Zelzate. https"
    )
    assert mail("alert", "nl")["Subject"].startswith("24 nieuwe banen voor “lasser” bij Zelzate")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_lines_of_text_are_short_but_for_links(kind: str, language: str) -> None:
    plain = mail(kind, language).get_body(("plain",))
    assert plain
    assert all(len(line) <= 78 or line.startswith("https://") for line in plain.get_content().splitlines())
