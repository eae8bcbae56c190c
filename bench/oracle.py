"""What came of a run, counted from outside: the sets that were sent, settled, visible and mailed, compared."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from bench.exchange import Exchange, wait_for
from pendler.bus import decode
from schemas.event import AlertSent

LINK = re.compile(r"http://\S+/subscriptions/(?:confirm|stop)/\S+")


@dataclass(frozen=True)
class Verdict:
    """How a run ended. Everything but `sent` and `mails` must be nothing."""

    sent: int
    mails: int
    lost: set[str]
    unaccounted: int
    mailed_twice: dict[str, int]
    not_mailed: set[str]
    sent_twice: dict[str, int]

    def assert_clean(self) -> None:
        assert not self.lost, f"lost: {sorted(self.lost)[:5]}"
        assert self.unaccounted == 0
        assert not self.mailed_twice, f"mailed twice: {self.mailed_twice}"
        assert not self.sent_twice, f"one mail sent more than once: {self.sent_twice}"
        assert not self.not_mailed, f"never mailed: {sorted(self.not_mailed)[:5]} of {len(self.not_mailed)}"


def subscribe(exchange: Exchange, **query: Any) -> str:
    """Subscribes to a search and confirms it, as a person would; gives the link to stop it, once a mail has one."""
    known = confirmations(exchange)
    body = {"address": "someone@example.org", "query": query, "language": "en", "frequency": "at_once"}
    exchange.http.post("/v1/subscriptions", json=body).raise_for_status()
    wait_for(lambda: confirmations(exchange) > known, 30, "the mail to confirm")
    (new,) = confirmations(exchange) - known
    link = link_in(messages(exchange)[new])
    assert exchange.http.get(link).is_success
    assert exchange.http.post(link).is_success
    return link


def confirmations(exchange: Exchange) -> set[str]:
    """The mails that ask for a person's word, by file name."""
    return {name for name, mail in messages(exchange).items() if "/confirm/" in link_in(mail)}


def link_in(message: Any) -> str:
    found = LINK.search(message.get_body(("plain",)).get_content())
    assert found
    return re.sub(r"^http://[^/]+", "", found.group())


def messages(exchange: Exchange) -> dict[str, Any]:
    """The mails in the outbox by file name, each sending a file of its own."""
    folder = exchange.home / "mail"
    return {
        path.name: message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.glob("[0-9]*.eml"))
    }


def judge(exchange: Exchange, sent: set[str], patience: float = 90) -> Verdict:
    """Waits until all is quiet, then compares."""
    wait_for(lambda: exchange.search(limit=0)["total"]["ads"] >= len(sent), patience, f"{len(sent)} to be visible")
    wait_for(lambda: exchange.audit()["unaccounted"] == 0, patience, "the books to be even")
    told = wait_for_alerts(exchange, sent, patience)
    files = Counter(message["Message-ID"] for message in messages(exchange).values())
    refs = Counter(ref for alert in told.values() for ref in alert.refs)
    return Verdict(
        sent=len(sent),
        mails=len(files),
        lost=sent - visible(exchange),
        unaccounted=exchange.audit()["unaccounted"],
        mailed_twice={ref: count for ref, count in refs.items() if count > 1},
        not_mailed=sent - set(refs),
        sent_twice={identity: count for identity, count in files.items() if count > 1},
    )


def visible(exchange: Exchange) -> set[str]:
    refs: set[str] = set()
    page = exchange.search(limit=100)
    while True:
        refs.update(one["ref"] for one in page["vacancies"])
        if page["next"] is None:
            return refs
        page = exchange.http.get(page["next"]).json()


def wait_for_alerts(exchange: Exchange, sent: set[str], patience: float) -> dict[str, AlertSent]:
    """The alerts told of on the bus, one a mail, once every vacancy that was sent is in one."""
    told: dict[str, AlertSent] = {}

    def complete() -> bool:
        told.update(asyncio.run(alerts(exchange)))
        return sent <= {ref for alert in told.values() for ref in alert.refs}

    try:
        wait_for(complete, patience, "every vacancy to be mailed")
    except TimeoutError:
        return told
    return told


async def alerts(exchange: Exchange) -> dict[str, AlertSent]:
    bus = exchange.bus()
    try:
        events = [decode(record) async for record in bus.scan(AlertSent.topic.name)]
        return {event.mail: event for event in events}
    finally:
        await bus.close()
