"""Mails as people read them: subject from the person's own search, text first, the same in HTML. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlparse

from pendler.esco.stored import label
from pendler.pages import render
from pendler.speech import NO_BREAK_SPACE, Speech, speech
from schemas.query import Query
from schemas.vacancy import Pay
from services.notify.joining import JOINED
from services.notify.message import header_text, message
from services.notify.state import Subscription

PACKAGE = "services.notify"
SHOWN = 20
BETWEEN = f"{NO_BREAK_SPACE}· "
"""Facts: a line of text does not begin with it."""
SHORT = 28
"""Characters; less than the narrowest screen shows."""
SAID = {"q", "occupation", "near", "km", "minutes", "country", "nuts"}
NO_CONDITION = {"lang", "also", "strict", "sort", "limit", "cursor", "status"}
PLAIN = re.compile(r"[\w+#&'’-]+")


def alert(
    subscription: Subscription, matches: Sequence[Mapping[str, Any]], links: Mapping[str, str], now: datetime
) -> EmailMessage:
    """The mail that tells of new vacancies, the nearest and best first, and of what is new of those that were saved."""
    new = [one for one in matches if "news" not in one["item"]]
    joined = [one["item"] for one in matches if one["item"].get("news") == JOINED]
    saved = [one for one in matches if "news" in one["item"] and one["item"]["news"] != JOINED]
    spoken = speech(subscription.language)
    context = {
        "items": [spoken_item(match["item"], spoken) for match in sorted(new, key=_rank)[:SHOWN]],
        "saved": [spoken_item(match["item"], spoken) for match in saved],
        "joined": [
            (_has_joined(each, spoken), f"{links['site']}{subscription.query.url('/', source=(each['source'],))}")
            for each in joined
        ],
        "more": max(0, len(new) - SHOWN),
    }
    if new:
        subject = _new_jobs(len(new), subscription, spoken)
    else:
        subject = _news(len(saved), spoken) if saved else _has_joined(joined[0], spoken)
    return _message(subscription, "alert", subject, context, links, _listed(links, now))


def _new_jobs(count: int, one: Subscription, spoken: Speech) -> str:
    jobs = spoken.ngettext("%(num)s new job", "%(num)s new jobs", count) % {"num": count}
    return f"{jobs} {search_words(one.query, spoken)}".strip()


def _has_joined(item: Mapping[str, Any], spoken: Speech) -> str:
    told = spoken.ngettext(
        "%(source)s has joined: %(num)s job matches your search",
        "%(source)s has joined: about %(num)s jobs match your search",
        item["count"],
    )
    return told % {"source": item.get("name", item["source"]), "num": spoken.number(item["count"])}


def _news(count: int, spoken: Speech) -> str:
    told = spoken.ngettext("News of %(num)s advertisement you saved", "News of %(num)s advertisements you saved", count)
    return told % {"num": count}


def _rank(match: Mapping[str, Any]) -> tuple[bool, bool, float, int, float]:
    """What meets all that is asked, the nearest, what has the words in its title, the newest."""
    item = match["item"]
    far = item.get("minutes") or item["km"]
    return not item.get("sure", True), far is None, far or 0, -item.get("in_title", 0), -item["published"]


def confirmation(subscription: Subscription, links: Mapping[str, str], now: datetime) -> EmailMessage:
    """The mail by which a subscription is confirmed. Nothing happens unless the person clicks and says so."""
    spoken = speech(subscription.language)
    subject = spoken.gettext("Please confirm: new jobs by e-mail")
    return _message(subscription, "confirm", subject, {}, links, {"Date": format_datetime(now)})


def link(subscription: Subscription, links: Mapping[str, str], now: datetime) -> EmailMessage:
    """The way to a person's subscriptions, for whoever can read their mail."""
    _ = speech(subscription.language).gettext
    context = {"lines": [_("Here you see your searches, and can change, pause, stop or erase them:")], "then": [
        _("The link is good for 7 days. If you have not asked for it, do nothing."),
    ]}  # fmt: skip
    return _message(
        subscription, "notice", _("Your searches at Pendler"), context, links, {"Date": format_datetime(now)}
    )


def reminder(subscription: Subscription, links: Mapping[str, str], now: datetime) -> EmailMessage:
    """What a person still gets, once a year."""
    spoken = speech(subscription.language)
    _ = spoken.gettext
    search = search_words(subscription.query, spoken) or _("all jobs")
    context = {
        "lines": [
            _("For almost a year we have mailed you new jobs: %(search)s.") % {"search": search},
            _("We go on, so you need not do anything. Here you can change, pause or stop it:"),
        ],
        "then": [],
    }
    subject = _("Do you still want new jobs by e-mail?")
    return _message(subscription, "notice", subject, context, links, _listed(links, now))


def _listed(links: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The headers of a mail that a person gets again and again, and can stop with one click."""
    return {
        "Date": format_datetime(now),
        "List-Id": "Pendler alerts <alerts.pendler>",
        "List-Unsubscribe": f"<{links['unsubscribe']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _message(
    to: Subscription,
    template: str,
    subject: str,
    context: Mapping[str, Any],
    links: Mapping[str, str],
    headers: Mapping[str, str],
) -> EmailMessage:
    search = search_words(to.query, speech(to.language))
    told = {**context, "links": links, "subject": subject, "search": search}
    domain = urlparse(links["site"]).hostname or "localhost"
    first = {
        "From": f"Pendler <alerts@{domain}>",
        "To": to.address,
        "Subject": header_text(subject),
        "Message-ID": f"<{links['mail']}@{domain}>",
        "Auto-Submitted": "auto-generated",
    }
    plain, rich = (render(PACKAGE, f"{template}.{kind}", to.language, told) for kind in ("txt", "html"))
    return message(plain, rich, {**first, **headers, "Content-Language": to.language}, f"=_{links['mail']}")


def search_words(query: Query, spoken: Speech) -> str:
    """The search in words: `for “lasser” near Zelzate (45 km) with 2 filters`."""
    filters = len({name for name, _ in query.pairs()} - SAID - NO_CONDITION)
    counted = spoken.ngettext("with %(num)s filter", "with %(num)s filters", filters) % {"num": filters}
    return " ".join(filter(None, [main_words(query, spoken), counted if filters else ""]))


def main_words(query: Query, spoken: Speech) -> str:
    """What and where: `for “lasser” near Zelzate (45 km)`."""
    _ = spoken.gettext
    parts = []
    if query.q or query.occupation:
        # A stranger may have typed this with somebody else's address: no links, no lines, not much of it.
        asked = [" ".join(PLAIN.findall(query.q))[:60]] if query.q else []
        labels = [label(code, spoken.language) for code in query.occupation]
        parts.append(_("for “%(what)s”") % {"what": ", ".join([*asked, *labels])})
    if query.near and query.minutes:
        parts.append(_("within about %(num)s minutes of %(place)s") % {"num": query.minutes, "place": query.near})
    elif query.near:
        parts.append(_("near %(place)s (%(km)s km)") % {"place": query.near, "km": query.km})
    if query.country or query.nuts:
        parts.append(_("in %(places)s") % {"places": ", ".join([*map(spoken.country, query.country), *query.nuts])})
    return " ".join(parts)


def spoken_item(item: Mapping[str, Any], spoken: Speech) -> dict[str, Any]:
    pay = spoken.pay(Pay.model_validate(item["pay"])) if item["pay"] else ""
    _ = spoken.gettext
    places = ", ".join(
        f"{name}, {spoken.country(country)}" if name else spoken.country(country) for name, country in item["places"]
    )
    day = item["apply_by"] and spoken.date(datetime.fromtimestamp(item["apply_by"], UTC)).replace(" ", NO_BREAK_SPACE)
    facts = [
        item["employer"],
        places,
        _far(item, spoken),
        pay,
        ", ".join(_language(code, stated, spoken) for code, stated in item.get("speaks", ())),
        _("apply by %(day)s") % {"day": day} if day else "",
        "" if item.get("sure", True) else _("does not say all you ask for"),
    ]
    return {
        **item,
        "facts": BETWEEN.join(_whole(fact) for fact in facts if fact),
        "parts": [(fact, len(fact) <= SHORT) for fact in facts if fact],
        "occupation": label(item["occupation"], spoken.language) if item["occupation"] else "",
    }


def _whole(fact: str) -> str:
    """A line does not end within a short fact."""
    return fact.replace(" ", NO_BREAK_SPACE) if len(fact) <= SHORT else fact


def _far(item: Mapping[str, Any], spoken: Speech) -> str:
    """`17 km, ± 25 min`: in a straight line, and by car."""
    if item["km"] is None:
        return ""
    km = f"{spoken.number(round(item['km']))}{NO_BREAK_SPACE}km"
    return f"{km}, ±{NO_BREAK_SPACE}{item['minutes']}{NO_BREAK_SPACE}min" if item.get("minutes") else km


def _language(code: str, stated: bool, spoken: Speech) -> str:
    name = spoken.language_name(code)
    name = name[:1].upper() + name[1:]
    return name if stated else spoken.gettext("%(language)s: likely") % {"language": name}
