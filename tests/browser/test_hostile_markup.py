"""Markup that wants to do harm, in every field a source, a searcher or a subscriber fills: nothing of it runs."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from bench.exchange import Exchange, wait_for
from tests.browser.conftest import Visit

ATTACKS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>",
    "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>",
    "<a href=javascript:window.hit=1>x</a>",
    "<a href='jav&#x09;ascript:window.hit=1'>x</a>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<math><mtext></p><style><img src=x onerror=window.hit=1></style>",
    "<details open ontoggle=window.hit=1>x</details>",
    "<form action=javascript:window.hit=1><input autofocus onfocus=window.hit=1>",
    "<body onload=window.hit=1>",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<style>@import 'https://example.org/x.css';</style>",
    "<object data=javascript:window.hit=1></object>",
    "<base href=https://example.org/>",
    "<meta http-equiv=refresh content='0;url=https://example.org/'>",
    "<div style=background:url(https://example.org/x)>x</div>",
    '" onmouseover=window.hit=1 x="',
    "' autofocus onfocus=window.hit=1 '",
    "</title><script>window.hit=1</script>",
    "{{7*7}}${7*7}<%= 7*7 %>",
    '<noscript><p title="</noscript><img src=x onerror=window.hit=1>">',
    "<<script>script>window.hit=1<</script>/script>",
]
"""After the OWASP list of ways round filters."""
HANDLERS = """() => [...document.querySelectorAll("*")].flatMap(one => [...one.attributes]
    .filter(a => a.name.startsWith("on") || /^\\s*j\\s*a\\s*v\\s*a\\s*script:/i.test(a.value))
    .map(a => one.tagName + " " + a.name + "=" + a.value))"""
FOREIGN = """() => document.querySelectorAll(
    "script:not([src^='/static/']), iframe, object, base, main style, main link, main meta").length"""


def record(attack: str, n: int) -> dict[str, Any]:
    """An advertisement of JobTech with the attack in each field."""
    return {
        "id": f"attack-{n}",
        "headline": f"Kock {attack}",
        "webpage_url": f"https://example.org/{attack}",
        "application_details": {"url": attack, "email": attack, "information": attack, "reference": attack},
        "number_of_vacancies": 1,
        "description": {"text": f"Vi lagar mat. {attack}", "text_formatted": f"<p>Vi lagar mat.</p>{attack}"},
        "employer": {"name": attack, "workplace": attack, "url": attack},
        "salary_description": attack,
        "working_hours_type": {"label": attack},
        "workplace_address": {"city": "Malmö", "municipality": attack, "street_address": attack, "country": "Sverige"},
        "must_have": {"languages": [{"label": attack}], "skills": [{"label": attack}]},
        "driving_license": [{"label": attack}],
        "publication_date": "2026-11-20T08:00:00",
        "last_publication_date": "2027-11-20T23:59:59",
        "removed": False,
    }


def harm(page: Page, path: str) -> list[str]:
    """What came through on this page: handlers, foreign elements, reports of the policy, code that ran."""
    answer = page.goto(path)
    assert answer
    assert answer.status in (200, 400, 404), path
    found = list(page.evaluate(HANDLERS))
    if page.evaluate(FOREIGN):
        found.append("a foreign element")
    if reports := page.evaluate("window.reports"):
        found.append(f"reports: {reports}")
    if page.evaluate("window.hit"):
        found.append("it ran")
    return [f"{page.url}: {one}" for one in found]


def test_markup_in_every_field_of_a_vacancy_comes_to_nothing(
    exchange: Exchange, key: str, visit: Visit, tell: Callable[[object], None]
) -> None:
    lines = b"\n".join(json.dumps(record(attack, n)).encode() for n, attack in enumerate(ATTACKS))
    exchange.push("se", "se_jobtech", key, lines, Prefer="wait=20")
    refs = [f"se:attack-{n}" for n in range(len(ATTACKS))]
    wait_for(lambda: exchange.http.get(f"/v1/vacancies/{refs[-1]}").is_success, 60, "the last attack")
    wait_for(lambda: exchange.search(source="se", limit=0)["total"]["ads"] == len(refs), 60, "all to be found")
    page, found = visit("/"), list[str]()
    paths = [f"/vacancies/{ref}?near=Malmö" for ref in refs] + [f"/wrong/{ref}" for ref in refs]
    for path in [*paths, "/?source=se&near=Malmö", "/?source=se&limit=100"]:
        found += harm(page, path)
    assert found == []
    tell(f"{len(ATTACKS)} attacks in every field of a vacancy: {len(paths) + 2} pages, 0 handlers, 0 reports")


@pytest.mark.parametrize("name", ["q", "near", "minutes", "employer", "licence", "cursor", "lang", "source", "home"])
def test_markup_in_what_is_asked_comes_to_nothing(visit: Visit, name: str) -> None:
    page, found = visit("/"), list[str]()
    for attack in ATTACKS:
        found += harm(page, f"/?{name}={quote(attack)}")
    assert found == []
