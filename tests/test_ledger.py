"""The books of notify: a match is in one mail for ever, a mail is sent once or in known doubt, stopped is stopped."""

import asyncio
import dataclasses
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from pendler.service import Unavailable
from pendler.settings import Settings
from pendler.speech import LANGUAGES
from pendler.store import Doc, Store
from pendler.store.sqlite import SqliteStore
from schemas.query import Origin, Query
from services.notify import digest, ledger, subscribing
from services.notify.gathering import gather
from services.notify.mail import Deferred, Lost, Mail, Refused
from services.notify.mail.outbox import Outbox
from services.notify.message import header_text
from services.notify.service import Sender, told
from services.notify.state import (
    MAILS,
    MATCHES,
    SUBSCRIPTIONS,
    Kind,
    MailState,
    State,
    Subscription,
    match_key,
    subscription,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY = "signing key"
LONG_AGO = time.time() - 3600
Work = Callable[["Desk"], Awaitable[None]]


class Unknowing:
    """A way to send that forgets what it took, as SMTP does."""

    at_once, patience = 4, 10.0

    def __init__(self, trouble: Exception | None = None) -> None:
        self.taken: list[str] = []
        self.trouble = trouble

    async def ready(self) -> None:
        pass

    async def send(self, identity: str, message: EmailMessage) -> None:
        if self.trouble:
            raise self.trouble
        self.taken.append(identity)

    async def fate(self, identity: str) -> bool | None:
        return None

    async def close(self) -> None:
        pass


class Gated(Outbox):
    """An outbox that takes a message only when it is let."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def send(self, identity: str, message: EmailMessage) -> None:
        self.asked.set()
        await self.open.wait()
        await super().send(identity, message)


class Desk:
    """One process of notify, as far as it mails."""

    def __init__(self, home: Path, store: Store, mail: Mail) -> None:
        self.store, self.mail = store, mail
        self.settings = Settings(home=home, secret=SecretStr(KEY), now=NOW)
        self.sender = Sender(store, mail, self.settings)

    async def matched(self, one: Subscription, *refs: str) -> None:
        matches = {
            match_key(one.subscriber, ref, 1): {
                "subscription": one.id,
                "ref": ref,
                "item": item(ref),
                "matched_at": 1.0,
                "due": 1.0,
            }
            for ref in refs
        }
        await ledger.record(self.store, matches)

    async def gather(self) -> None:
        await gather(self.store, time.time())

    async def recover(self) -> None:
        await ledger.recover(self.store, self.mail)

    async def mails(self) -> list[tuple[str, Doc]]:
        return await self.store.find(MAILS)

    async def states(self) -> list[str]:
        return sorted(doc["state"] for _, doc in await self.mails())

    async def the_mail(self) -> tuple[str, Doc]:
        (one,) = await self.mails()
        return one

    async def claimed(self) -> dict[str, str]:
        """By ref, the mail that a match is in."""
        return {doc["ref"]: doc["mail"] for _, doc in await self.store.find(MATCHES)}

    async def aged(self, *fields: str) -> None:
        """Lets an hour pass for what these fields of all mails say."""
        changed = {key: {**doc, **dict.fromkeys(fields, LONG_AGO)} for key, doc in await self.mails()}
        await self.store.put(MAILS, changed)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@asynccontextmanager
async def opened(home: Path, mail: Mail | None = None) -> Any:
    store = SqliteStore(str(home / "notify.db"))
    try:
        yield Desk(home, store, mail or Outbox(str(home / "mail")))
    finally:
        await store.close()


def run(home: Path, work: Work, mail: Mail | None = None) -> None:
    async def main() -> None:
        async with opened(home, mail) as desk:
            await work(desk)

    asyncio.run(main())


def item(ref: str, title: str = "Lasser", **members: Any) -> Doc:
    made: Doc = {
        "ref": ref, "title": title, "language": "nl", "employer": "Werf NV", "places": [("Gent", "BE")], "km": None,
        "occupation": None, "pay": None, "apply_by": None, "published": 1.0, "demonstration": False, "why": ["so"],
    }  # fmt: skip
    return {**made, **members}


def person(name: str = "a", state: State = State.ACTIVE, **members: Any) -> Subscription:
    made = subscription(f"{name}@example.org", "en", Query(q="lasser"), None, NOW, KEY)
    return dataclasses.replace(made, state=state, **members)


async def known(desk: Desk, one: Subscription) -> Subscription:
    await desk.store.put(SUBSCRIPTIONS, {one.id: one.document()})
    return one


def sent(home: Path) -> list[EmailMessage]:
    files = sorted((home / "mail").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


# Gathering: a match belongs to one mail for ever.


def test_matches_are_gathered_into_one_mail_a_subscription_and_sent(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one, other = await known(desk, person("a")), await known(desk, person("b"))
        await desk.matched(one, "x:1", "x:2")
        await desk.matched(other, "x:1")
        await desk.gather()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT, MailState.SENT]
        assert sorted(message["To"] for message in sent(home)) == ["a@example.org", "b@example.org"]

    run(home, work)


def test_a_match_that_was_mailed_is_never_mailed_again(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        for _ in range(3):
            await desk.matched(one, "x:1")
            await desk.gather()
            await desk.sender.send_all()
            await desk.recover()
        assert len(sent(home)) == len(await desk.mails()) == 1

    run(home, work)


def test_two_subscriptions_of_one_person_get_one_vacancy_once(home: Path) -> None:
    async def work(desk: Desk) -> None:
        for one in (person("a"), person("A")):
            await known(desk, one)
            await desk.matched(one, "x:1")
        await desk.gather()
        await desk.sender.send_all()
        assert len(sent(home)) == 1

    run(home, work)


def test_what_was_matched_too_lately_waits(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        await desk.matched(one, "x:1")
        await gather(desk.store, 0.5)
        assert await desk.mails() == []
        await gather(desk.store, 1.0)
        assert await desk.states() == [MailState.PENDING]

    run(home, work)


@pytest.mark.parametrize("gatherers", [2, 5])
def test_gatherers_at_once_put_each_match_into_one_mail(home: Path, gatherers: int) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            desks = [await stack.enter_async_context(opened(home)) for _ in range(gatherers)]
            people = [await known(desks[0], person(f"p{n}")) for n in range(8)]
            for one in people:
                await desks[0].matched(one, *(f"x:{n}" for n in range(6)))
            await asyncio.gather(*(desk.gather() for desk in desks))
            await asyncio.gather(*(desk.sender.send_all() for desk in desks))
            mails = await desks[0].mails()
            told_of = [key for _, doc in mails if doc["state"] == MailState.SENT for key in doc["matches"]]
            assert len(told_of) == len(set(told_of)) == 48
            assert {doc["state"] for _, doc in mails} <= {MailState.SENT, MailState.CANCELLED}
            assert len(sent(home)) == sum(doc["state"] == MailState.SENT for _, doc in mails)

    asyncio.run(main())


def test_senders_at_once_send_each_mail_once(home: Path) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            desks = [await stack.enter_async_context(opened(home)) for _ in range(3)]
            for n in range(20):
                await desks[0].matched(await known(desks[0], person(f"p{n}")), "x:1")
            await desks[0].gather()
            await asyncio.gather(*(desk.sender.send_all() for desk in desks))
            addresses = [message["To"] for message in sent(home)]
            assert len(addresses) == len(set(addresses)) == 20

    asyncio.run(main())


# What dead processes leave behind, and those that only seemed dead.


async def gathering(desk: Desk, one: Subscription, *refs: str) -> str:
    """A mail whose gatherer died after it had claimed these matches."""
    await desk.store.insert(MAILS, {"dead": ledger.new_mail(one.id, Kind.ALERT, MailState.GATHERING)})
    await claim_late(desk, *refs)
    return "dead"


async def claim_late(desk: Desk, *refs: str) -> None:
    """What a gatherer does that was away between making the mail `dead` and claiming for it."""
    found = {key: doc for key, doc in await desk.store.find(MATCHES) if doc["ref"] in refs}
    claims = {
        key: {**doc, "mail": "dead", "due": None, "waiting": None, "version": doc["version"] + 1}
        for key, doc in found.items()
    }
    await desk.store.put(MATCHES, claims, guard=True)


def test_a_mail_whose_gatherer_died_is_completed_with_what_it_had_claimed(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        await desk.matched(one, "x:1", "x:2")
        await gathering(desk, one, "x:1")
        await desk.recover()
        assert await desk.states() == [MailState.GATHERING], "not before its lease has run out"
        await desk.aged("created_at")
        await desk.recover()
        await desk.gather()
        await desk.sender.send_all()
        refs = [sorted(re.findall(r"x:\d", text(message))) for message in sent(home)]
        assert sorted(refs) == [["x:1"], ["x:2"]]

    run(home, work)


def test_a_mail_whose_gatherer_died_with_empty_hands_is_cancelled(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        await desk.matched(one, "x:1")
        await gathering(desk, one)
        await desk.aged("created_at")
        await desk.recover()
        assert (await desk.the_mail())[1]["state"] == MailState.CANCELLED
        await desk.gather()
        await desk.sender.send_all()
        assert len(sent(home)) == 1

    run(home, work)


@pytest.mark.parametrize("before", [[], ["x:1"]], ids=["cancelled meanwhile", "completed meanwhile"])
@pytest.mark.parametrize("mailed", [False, True])
def test_what_a_gatherer_claims_that_only_seemed_dead_goes_into_the_next_mail(
    home: Path, before: list[str], mailed: bool
) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        await desk.matched(one, "x:1", "x:2")
        await gathering(desk, one, *before)
        await desk.aged("created_at")
        await desk.recover()
        if mailed:
            await desk.sender.send_all()
        await claim_late(desk, "x:1", "x:2")
        await ledger.complete(desk.store, "dead")
        assert (await desk.claimed())["x:2"] == ledger.UNCLAIMED
        await desk.gather()
        await desk.sender.send_all()
        told_of = [ref for message in sent(home) for ref in re.findall(r"vacancies/(x:\d)", text(message))]
        assert sorted(told_of) == ["x:1", "x:2"]

    run(home, work)


def text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part
    return str(part.get_content())


async def sending(desk: Desk, kind: Kind = Kind.ALERT) -> str:
    """A mail that its sender had begun to send when it died, its lease run out."""
    one = await known(desk, person(state=State.UNCONFIRMED if kind is Kind.CONFIRM else State.ACTIVE))
    if kind is Kind.CONFIRM:
        await ledger.order(desk.store, Kind.CONFIRM, one.id)
    else:
        await desk.matched(one, "x:1")
        await desk.gather()
    identity, doc = await desk.the_mail()
    assert await ledger.claim(desk.store, {identity: doc})
    await desk.recover()
    assert (await desk.the_mail())[1]["state"] == MailState.SENDING, "not before its lease has run out"
    await desk.aged("until")
    return identity


def test_a_mail_that_its_dead_sender_had_sent_is_sent(home: Path) -> None:
    async def work(desk: Desk) -> None:
        identity = await sending(desk)
        await desk.mail.send(identity, EmailMessage())
        await desk.recover()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT]
        assert len(sent(home)) == 1
        (alert,) = (await told(desk.store, lambda: NOW)).events
        assert alert.refs == ("x:1",)  # type: ignore[union-attr]

    run(home, work)


def test_a_mail_that_its_dead_sender_had_not_sent_is_sent_by_another(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await sending(desk)
        await desk.recover()
        assert await desk.states() == [MailState.PENDING]
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT]
        assert len(sent(home)) == 1

    run(home, work)


def test_an_alert_whose_fate_nobody_knows_is_ambiguous_and_not_sent_again(home: Path) -> None:
    way = Unknowing()

    async def work(desk: Desk) -> None:
        await sending(desk)
        for _ in range(3):
            await desk.recover()
            await desk.sender.send_all()
            await desk.gather()
        assert await desk.states() == [MailState.AMBIGUOUS]
        assert way.taken == []
        assert list((await told(desk.store, lambda: NOW)).events) == []

    run(home, work, way)


def test_a_confirmation_whose_fate_nobody_knows_is_sent_once_more_and_no_more(home: Path) -> None:
    way = Unknowing()

    async def work(desk: Desk) -> None:
        identity = await sending(desk, Kind.CONFIRM)
        await desk.recover()
        assert await desk.states() == [MailState.PENDING]
        _, doc = await desk.the_mail()
        assert await ledger.claim(desk.store, {identity: doc})
        await desk.aged("until")
        for _ in range(3):
            await desk.recover()
            await desk.sender.send_all()
        assert await desk.states() == [MailState.AMBIGUOUS]
        assert way.taken == []

    run(home, work, way)


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (Refused("no such box"), MailState.FAILED),
        (Lost("broken"), MailState.AMBIGUOUS),
        (None, MailState.SENT),
    ],
)
def test_a_mail_ends_as_its_way_says(home: Path, trouble: Exception | None, state: MailState) -> None:
    async def work(desk: Desk) -> None:
        await desk.matched(await known(desk, person()), "x:1")
        await desk.gather()
        for _ in range(3):
            await desk.sender.send_all()
            await desk.recover()
            await desk.gather()
        assert await desk.states() == [state]

    run(home, work, Unknowing(trouble))


def test_a_mail_that_could_not_be_begun_is_sent_when_the_way_is_back(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await desk.matched(await known(desk, person()), "x:1")
        await desk.gather()
        (home / "mail").write_text("in the way")
        with pytest.raises(Unavailable):
            await desk.sender.send_all()
        (home / "mail").unlink()
        await desk.aged("until")
        await desk.recover()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT]
        assert len(sent(home)) == 1

    run(home, work)


def test_a_mail_that_was_never_begun_is_pending_and_in_no_doubt(home: Path) -> None:
    way = Unknowing(Unavailable("away"))

    async def work(desk: Desk) -> None:
        for name in "abc":
            await desk.matched(await known(desk, person(name)), "x:1")
        await desk.gather()
        with pytest.raises(Unavailable):
            await desk.sender.send_all()
        assert await desk.states() == [MailState.PENDING] * 3
        way.trouble = None
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT] * 3
        assert len(way.taken) == 3

    run(home, work, way)


def test_a_deferred_mail_holds_up_no_other_and_is_sent_when_it_is_due(home: Path) -> None:
    way = Unknowing(Deferred("450 later"))

    async def work(desk: Desk) -> None:
        await desk.matched(await known(desk, person("a")), "x:1")
        await desk.gather()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.DEFERRED]
        way.trouble = None
        await desk.matched(await known(desk, person("b")), "x:1")
        await desk.gather()
        await desk.recover()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.DEFERRED, MailState.SENT], "not before it is due"
        await desk.aged("due")
        await desk.recover()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.SENT, MailState.SENT]
        assert len(way.taken) == len(set(way.taken)) == 2

    run(home, work, way)


def test_a_deferred_mail_is_tried_ever_later_and_given_up_at_last(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await desk.matched(await known(desk, person()), "x:1")
        await desk.gather()
        waits = []
        for _ in range(12):
            await desk.sender.send_all()
            waits.append(round((await desk.the_mail())[1]["due"] - time.time()))
            await desk.aged("due")
            await desk.recover()
        assert waits[:3] == [5, 10, 20]
        assert waits == sorted(waits)
        assert waits[-1] == ledger.LATEST
        identity, doc = await desk.the_mail()
        await desk.store.put(MAILS, {identity: {**doc, "created_at": time.time() - ledger.GIVE_UP - 1}})
        await desk.sender.send_all()
        _, doc = await desk.the_mail()
        assert (doc["state"], doc["why"]) == (MailState.FAILED, "450 later")

    run(home, work, Unknowing(Deferred("450 later")))


def test_mails_leave_together_and_trouble_with_one_breaks_none_off(home: Path) -> None:
    class Together(Unknowing):
        """Takes nothing before four are in hand; one of those finds no way."""

        async def send(self, identity: str, message: EmailMessage) -> None:
            self.taken.append(identity)
            while len(self.taken) < 4:
                await asyncio.sleep(0.01)
            if identity == self.taken[0]:
                raise Unavailable("away")
            await asyncio.sleep(0.1)

    way = Together()

    async def work(desk: Desk) -> None:
        for n in range(10):
            await desk.matched(await known(desk, person(f"p{n}")), "x:1")
        await desk.gather()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(desk.sender.send_all(), 20)
        assert await desk.states() == [MailState.PENDING] * 7 + [MailState.SENT] * 3

    run(home, work, way)


def test_a_move_loses_against_a_newer_version(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await ledger.order(desk.store, Kind.CONFIRM, "s")
        identity, doc = await desk.the_mail()
        claims = [ledger.claim(desk.store, {identity: doc}) for _ in range(5)]
        assert sum(bool(won) for won in await asyncio.gather(*claims)) == 1
        assert await ledger.move(desk.store, identity, doc, MailState.CANCELLED) is None
        _, current = await desk.the_mail()
        assert (current["state"], current["version"]) == (MailState.SENDING, doc["version"] + 1)
        assert await ledger.move(desk.store, identity, current, MailState.SENT)

    run(home, work)


def test_an_alert_is_told_until_that_is_known_to_have_worked_and_then_no_more(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await desk.matched(await known(desk, person()), "x:1", "x:2")
        await desk.gather()
        await desk.sender.send_all()
        first, again = await told(desk.store, lambda: NOW), await told(desk.store, lambda: NOW)
        assert list(first.events) == list(again.events)
        (alert,) = first.events
        assert sorted(alert.refs) == ["x:1", "x:2"]  # type: ignore[union-attr]
        await first.write()
        await again.write()
        assert list((await told(desk.store, lambda: NOW)).events) == []

    run(home, work)


# A person's word.


def test_a_subscription_is_confirmed_by_mail_and_runs_from_then_on(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = person(state=State.UNCONFIRMED)
        await subscribing.subscribe(desk.store, one)
        await desk.sender.send_all()
        (message,) = sent(home)
        assert "/subscriptions/confirm/" in text(message)
        await subscribing.confirm(desk.store, await found(desk, one), NOW)
        confirmed = await found(desk, one)
        assert (confirmed.state, confirmed.confirmed_at) == (State.ACTIVE, NOW.timestamp())
        assert confirmed.changed_at > one.changed_at
        await subscribing.confirm(desk.store, confirmed, datetime(2027, 1, 1, tzinfo=UTC))
        assert await found(desk, one) == confirmed, "a second click changes nothing"

    run(home, work)


async def found(desk: Desk, one: Subscription) -> Subscription:
    kept = await subscribing.find(desk.store, one.id)
    assert kept
    return kept


def test_stopped_stays_stopped(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person(state=State.UNCONFIRMED))
        await subscribing.stop(desk.store, one)
        await subscribing.confirm(desk.store, await found(desk, one), NOW)
        assert (await found(desk, one)).state is State.STOPPED

    run(home, work)


def test_nothing_is_mailed_to_a_stopped_subscription(home: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person())
        await desk.matched(one, "x:1")
        await desk.gather()
        await desk.matched(one, "x:2")
        await subscribing.stop(desk.store, one)
        await desk.gather()
        await desk.sender.send_all()
        assert sent(home) == []
        assert await desk.states() == [MailState.CANCELLED, MailState.CANCELLED]

    run(home, work)


@pytest.mark.parametrize("state", [State.ACTIVE, State.STOPPED])
def test_a_confirmation_is_not_mailed_when_the_word_is_given_already(home: Path, state: State) -> None:
    async def work(desk: Desk) -> None:
        one = await known(desk, person(state=state))
        await ledger.order(desk.store, Kind.CONFIRM, one.id)
        await desk.sender.send_all()
        assert sent(home) == []

    run(home, work)


def test_a_mail_to_nobody_is_cancelled(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await desk.matched(person(), "x:1")
        await desk.gather()
        await desk.sender.send_all()
        assert await desk.states() == [MailState.CANCELLED]

    run(home, work)


def test_stop_waits_for_a_mail_being_sent_and_none_is_begun_after_it(home: Path) -> None:
    async def main() -> None:
        way = Gated(str(home / "mail"))
        async with opened(home, way) as desk:
            one = await known(desk, person())
            await desk.matched(one, "x:1")
            await desk.gather()
            sending = asyncio.create_task(desk.sender.send_all())
            await way.asked.wait()
            stopping = asyncio.create_task(subscribing.stop(desk.store, one))
            await asyncio.sleep(0.3)
            assert not stopping.done(), "a mail is being sent"
            way.open.set()
            await asyncio.wait_for(stopping, 5)
            assert len(sent(home)) == 1, "the mail was out when the person was told"
            await sending
            await desk.matched(one, "x:2")
            await desk.gather()
            await desk.sender.send_all()
            assert len(sent(home)) == 1

    asyncio.run(main())


def test_stop_waits_for_no_other_mail(home: Path) -> None:
    async def work(desk: Desk) -> None:
        await sending(desk)
        other = await known(desk, person("b"))
        began = time.monotonic()
        await subscribing.stop(desk.store, other)
        assert time.monotonic() - began < 5

    run(home, work)


# The mails themselves: what a vacancy or a search says never leaves its place.

LINKS = {
    "site": "https://pendler.example.org",
    "mail": "m1",
    "search": "https://pendler.example.org/?q=lasser",
    "confirm": "https://pendler.example.org/subscriptions/confirm/" + "c" * 150,
    "unsubscribe": "https://pendler.example.org/subscriptions/stop/" + "s" * 150,
    "manage": "https://pendler.example.org/subscriptions/manage/" + "m" * 90,
}
INJECTIONS = [
    "Lasser\r\nBcc: a@b.c",
    "Lasser\nBcc: a@b.c",
    "Lasser\rBcc: a@b.c",
    "Lasser\r\n\r\nBcc: a@b.c",
    "Lasser\u2028Bcc: a@b.c",
    "Lasser\u2029Bcc: a@b.c",
    "Lasser\x85Bcc: a@b.c",
    "Lasser\x0bBcc: a@b.c",
    "Lasser\x0cBcc: a@b.c",
    "Lasser\0\r\n Bcc: a@b.c",
    "=?utf-8?q?Job=0ABcc=3A_a=40b.c?=",
    "=?utf-8?b?Sm9iCkJjYzogYUBiLmM=?=",
    "==??utf-8?q?Job=0ABcc=3A_a=40b.c?=",
    "=\0?utf-8?q?Job=0ABcc=3A_a=40b.c?=",
    "x" * 1000,
    "å" * 1000,
    "Bcc: a@b.c " * 90,
    "👩‍⚕️" * 100,
    "%s %(num)s {0} {{ links }} ${x}",
    "</h1><script>alert(1)</script>",
    "--===============",
    "",
]
HEADERS = [
    "from", "to", "subject", "date", "message-id", "auto-submitted", "content-language", "mime-version", "content-type",
]  # fmt: skip
ALERT_HEADERS = sorted([*HEADERS, "list-id", "list-unsubscribe", "list-unsubscribe-post"])


def written(home: Path, message: EmailMessage) -> bytes:
    asyncio.run(Outbox(str(home / "mail")).send("m1", message))
    (file,) = (home / "mail").glob("*.eml")
    return file.read_bytes()


def header_names(raw: bytes) -> list[str]:
    """The names of the headers as a careless program would see them: any line that looks like one."""
    lines = re.split(rb"\r\n|\r|\n", raw.replace(b"\r\n\r\n", b"\n\n").partition(b"\n\n")[0])
    assert all(line for line in lines), "no header may be empty"
    return sorted(line.partition(b":")[0].decode().lower() for line in lines if not line.startswith((b" ", b"\t")))


def searched(hostile: str, language: str) -> Subscription:
    query = Query.model_construct(q=hostile, near=hostile, occupation=(hostile,))
    return dataclasses.replace(person(), query=query, language=language)


def assert_harmless(raw: bytes, headers: Sequence[str]) -> EmailMessage:
    assert header_names(raw) == list(headers)
    message = message_from_bytes(raw, policy=policy.default)
    assert sorted(name.lower() for name in message) == list(headers)
    assert not message.defects
    assert not re.search(r"[\r\n\u2028\u2029]", message["Subject"])
    assert len(message["Subject"]) <= 200
    assert message["To"] == "a@example.org"
    plain, html = message.iter_parts()
    for part, kind in ((plain, "text/plain"), (html, "text/html")):
        assert part.get_content_type() == kind
        assert {name.lower() for name in part} <= {"content-type", "content-transfer-encoding", "mime-version"}
    assert "<script" not in html.get_content()
    return message


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("hostile", INJECTIONS, ids=lambda one: ascii(one[:24]))
def test_an_alert_has_no_header_but_its_own(home: Path, hostile: str, language: str) -> None:
    matches = [{"item": item("x:1", hostile, employer=hostile, why=[hostile], places=[(hostile, "BE")])}]
    raw = written(home, digest.alert(searched(hostile, language), matches, LINKS, NOW))
    message = assert_harmless(raw, ALERT_HEADERS)
    assert message["List-Unsubscribe"] == f"<{LINKS['unsubscribe']}>"
    assert LINKS["unsubscribe"] in text(message)


@pytest.mark.parametrize("hostile", INJECTIONS, ids=lambda one: ascii(one[:24]))
def test_a_confirmation_has_no_header_but_its_own(home: Path, hostile: str) -> None:
    message = assert_harmless(written(home, digest.confirmation(searched(hostile, "en"), LINKS, NOW)), sorted(HEADERS))
    assert LINKS["confirm"] in text(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Lasser", "Lasser"),
        (" Lasser ", "Lasser"),
        ("Lasser\r\nBcc: a@b.c", "Lasser Bcc: a@b.c"),
        ("Lasser\u2028\u2029x", "Lasser x"),
        ("a=?b", "a= ?b"),
        ("=\r\n?utf-8?", "= ?utf-8?"),
        ("å" * 1000, "å" * 200),
        ("3 nieuwe banen voor “lasser”", "3 nieuwe banen voor “lasser”"),
        ("\r\n", ""),
    ],
    ids=lambda one: ascii(one[:20]),
)
def test_text_in_a_header_is_one_line_of_bounded_length(given: str, expected: str) -> None:
    assert header_text(given) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.text("=?\r\n\0 qb8utf-_Bc:\u2028\x85", max_size=300))
def test_any_text_in_a_header_stays_in_it(anything: str) -> None:
    message = EmailMessage()
    message["Subject"] = header_text(anything)
    message["X-Last"] = "here"
    message.set_content("body\n")
    raw = message.as_bytes(policy=policy.SMTP.clone(max_line_length=900))
    names = ["content-transfer-encoding", "content-type", "mime-version", "subject", "x-last"]
    assert header_names(raw) == names
    assert message_from_bytes(raw, policy=policy.default)["Subject"] == header_text(anything)


@pytest.mark.parametrize(
    ("count", "shown", "more"), [(1, 1, None), (20, 20, None), (21, 20, "1 more"), (45, 20, "25 more")]
)
def test_an_alert_shows_twenty_vacancies_at_most_and_says_how_many_more_there_are(
    count: int, shown: int, more: str | None
) -> None:
    matches = [{"item": item(f"x:{n}", published=float(n))} for n in range(count)]
    message = digest.alert(person(), matches, LINKS, NOW)
    html = message.get_body(("html",))
    assert html
    for body in (text(message), html.get_content()):
        assert len(re.findall(r"/vacancies/x:\d+", body)) == shown
        assert (more is None) is ("more job" not in body)
        assert more is None or more in body
    assert message["Subject"] == f"{count} new job{'s' if count > 1 else ''} for “lasser”"


def test_the_nearest_and_newest_come_first() -> None:
    matches = [
        {"item": item("x:1", km=30.0, published=9.0)},
        {"item": item("x:2", km=5.0, published=1.0)},
        {"item": item("x:3", km=5.0, published=2.0)},
    ]
    one = dataclasses.replace(person(), query=Query(near="Gent"), origin=Origin(name="Gent", lat=51.05, lon=3.72))
    assert re.findall(r"vacancies/(x:\d)", text(digest.alert(one, matches, LINKS, NOW))) == ["x:3", "x:2", "x:1"]
