"""A search as a feed: RSS 2.0 and JSON Feed 1.1, newest first."""

from email.utils import format_datetime
from typing import Any

from lxml import etree
from lxml.builder import E

from pendler.speech import Speech
from services.search.listing import Found, Listing

SHOWN = 50


def rss(one: Listing, title: str, site: str, spoken: Speech) -> bytes:
    """RSS 2.0."""
    items = [_item(found, site, spoken) for found in one.found if found.event.vacancy]
    named = _plain(title)
    channel = E.channel(E.title(named), E.link(f"{site}{one.query.url('/')}"), E.description(named), *items)
    return bytes(etree.tostring(E.rss(channel, version="2.0"), xml_declaration=True, encoding="utf-8"))


def _item(found: Found, site: str, spoken: Speech) -> Any:
    event = found.event
    assert event.vacancy
    link = f"{site}/vacancies/{event.ref}"
    published = event.vacancy.published or event.at
    return E.item(
        E.title(_plain(event.vacancy.title)),
        E.link(link),
        E.guid(f"{event.ref}#{event.episode}", isPermaLink="false"),
        E.pubDate(format_datetime(published)),
        E.description(_plain(facts(found, spoken))),
        E.source(event.source, url=site),
    )


def json_feed(one: Listing, title: str, site: str, spoken: Speech) -> dict[str, Any]:
    """JSON Feed 1.1."""
    items = [
        {
            "id": f"{found.event.ref}#{found.event.episode}",
            "url": f"{site}/vacancies/{found.event.ref}",
            "title": found.event.vacancy.title,
            "language": found.event.derived.language,
            "content_text": facts(found, spoken),
            "date_published": (found.event.vacancy.published or found.event.at).isoformat(),
            "authors": [{"name": found.event.vacancy.employer.name or found.event.source}],
        }
        for found in one.found
        if found.event.vacancy
    ]
    home = f"{site}{one.query.url('/')}"
    return {"version": "https://jsonfeed.org/version/1.1", "title": title, "home_page_url": home, "items": items}


def facts(found: Found, spoken: Speech) -> str:
    """Who, where, how far, what pay."""
    vacancy = found.event.vacancy
    assert vacancy
    places = [
        f"{one.name}, {spoken.country(one.country)}" if one.name else spoken.country(one.country)
        for one in found.event.derived.places[:3]
        if one.country
    ]
    told = [vacancy.employer.name, "; ".join(places), vacancy.pay and spoken.pay(vacancy.pay)]
    return " · ".join(one for one in told if one)


def _plain(text: str) -> str:
    """What may stand in XML 1.0: sources may write what may not."""
    return "".join(one for one in text if one >= " " and one not in "\ufffe\uffff")
