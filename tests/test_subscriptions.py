"""Subscriptions as people have them: how often, the page to manage them, one digest a day, and goodbye for good."""

import asyncio
import dataclasses
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient
from lxml import etree, html
from pydantic import SecretStr

from pendler.places import Places
from pendler.service import Service
from pendler.settings import Settings
from pendler.store import Collection, Doc
from pendler.store.sqlite import SqliteStore
from pendler.web import web_app
from pendler.wording import understood
from schemas.event import Erased, VacancyClustered
from schemas.query import Query
from services.notify import clusters, ledger, limits, operating, schedule, subscribing
from services.notify.gathering import A_DAY, gather
from services.notify.mail.outbox import Outbox
from services.notify.retention import retain
from services.notify.sender import Sender
from services.notify.service import routes
from services.notify.state import (
    ASKED,
    MAILS,
    MATCHES,
    SUBSCRIPTIONS,
    Frequency,
    Kind,
    MailState,
    State,
    Subscription,
    match_key,
    subscription,
)
from services.notify.tokens import Tokens

KEY = "signing key"
DAY, HOUR = 86400.0, 3600.0
Work = Callable[["House"], Awaitable[None]]


class House:
    """Notify in one process: its store, its outbox and its pages."""

    def __init__(self, home: Path, places: Places) -> None:
        self.home = home
        self.settings = Settings(home=home, secret=SecretStr(KEY), public_url="http://pendler.example.org")
        self.store, self.mail = SqliteStore(str(home / "notify.db")), Outbox(str(home / "mail"))
        self.sender = Sender(self.store, self.mail, self.settings)
        app = web_app([Service("notify", api=lambda: routes(self.store, self.mail, places, self.settings))])
        self.app = app
        self.http = AsyncClient(transport=ASGITransport(app), base_url="http://pendler.example.org")

    async def known(self, name: str = "a", **members: object) -> Subscription:
        made = subscription(f"{name}@example.org", "en", Query(q="lasser"), None, datetime.now(UTC), KEY)
        one = dataclasses.replace(made, **({"state": State.ACTIVE} | members))  # type: ignore[arg-type]
        await self.store.put(SUBSCRIPTIONS, {one.id: one.document()})
        return one

    async def matched(self, one: Subscription, *refs: str, due: float = 1.0, matched_at: float = 1.0) -> None:
        matches: dict[str, Doc] = {
            match_key(one.subscriber, ref, 1): {
                "subscription": one.id, "ref": ref, "item": item(ref), "matched_at": matched_at, "due": due,
            }
            for ref in refs
        }  # fmt: skip
        await ledger.record(self.store, matches)

    async def state(self, one: Subscription) -> State | None:
        found = await subscribing.find(self.store, one.id)
        return found and found.state

    def sent(self) -> list[EmailMessage]:
        files = sorted((self.home / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def manage(self, one: Subscription) -> str:
        return f"/subscriptions/manage/{Tokens(KEY).manage(one.subscriber)}"

    async def everything(self) -> list[tuple[str, Doc]]:
        """All that is kept, to tell whether something changed."""
        return [each for kept in (SUBSCRIPTIONS, MATCHES, MAILS) for each in await self.store.find(kept)]


def item(ref: str) -> Doc:
    return {
        "ref": ref, "title": f"Lasser {ref}", "language": "nl", "employer": "Werf NV", "places": [("Gent", "BE")],
        "km": None, "occupation": None, "pay": None, "apply_by": None, "published": 1.0, "demonstration": False,
        "why": ["so"],
    }  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, places: Places) -> Callable[[Work], None]:
    def runs(work: Work) -> None:
        async def main() -> None:
            house = House(tmp_path, places)
            try:
                await work(house)
            finally:
                await house.http.aclose()
                await house.store.close()

        asyncio.run(main())

    return runs


def text(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part
    return str(part.get_content())


# When a mail is due.


def at(said: str) -> float:
    return datetime.fromisoformat(said).timestamp()


def person(**members: object) -> Subscription:
    made = subscription("a@example.org", "en", Query(), None, datetime(2026, 1, 1, tzinfo=UTC), KEY)
    return dataclasses.replace(made, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("members", "now", "digest"),
    [
        ({}, "2026-11-25T06:59:59+01:00", "2026-11-25T07:00:00+01:00"),
        ({}, "2026-11-25T07:00:00+01:00", "2026-11-26T07:00:00+01:00"),
        ({}, "2026-11-25T23:30:00+00:00", "2026-11-26T07:00:00+01:00"),
        ({"zone": "Europe/Helsinki"}, "2026-11-25T04:30:00+00:00", "2026-11-25T07:00:00+02:00"),
        ({"zone": "Atlantic/Azores", "hour": 23}, "2026-11-26T00:30:00+00:00", "2026-11-27T00:00:00+00:00"),
        ({"frequency": Frequency.WEEKLY}, "2026-11-25T12:00:00+01:00", "2026-11-30T07:00:00+01:00"),
        ({"frequency": Frequency.WEEKLY}, "2026-11-30T07:00:00+01:00", "2026-12-07T07:00:00+01:00"),
        ({"frequency": Frequency.AT_ONCE}, "2026-11-25T12:00:00+01:00", "2026-11-26T07:00:00+01:00"),
        ({}, "2026-03-28T12:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        ({"hour": 2}, "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00"),
        ({"hour": 2}, "2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00"),
        ({"hour": 2}, "2026-10-25T02:30:00+02:00", "2026-10-26T02:00:00+01:00"),
        ({"hour": 2}, "2026-10-25T02:30:00+01:00", "2026-10-26T02:00:00+01:00"),
    ],
)  # fmt: skip
def test_the_next_digest(members: dict[str, object], now: str, digest: str) -> None:
    assert schedule.next_digest(person(**members), at(now)) == at(digest)


def test_a_year_has_a_digest_for_every_day_whatever_the_clocks_do() -> None:
    one, now, days = person(hour=2), at("2026-01-01T00:00:00+01:00"), set()
    for _ in range(365):
        now = schedule.next_digest(one, now)
        days.add(datetime.fromtimestamp(now).date())
    assert len(days) == 365
    assert now == at("2026-12-31T02:00:00+01:00")


@pytest.mark.parametrize(
    ("members", "age", "waits"),
    [
        ({"frequency": Frequency.AT_ONCE}, HOUR, 900.0),
        ({"frequency": Frequency.AT_ONCE, "gathers": 0.0}, HOUR, 0.0),
        ({"frequency": Frequency.AT_ONCE, "gathers": 0.0}, 30 * DAY, 0.0),
        ({"frequency": Frequency.AT_ONCE}, 3 * DAY, 19 * HOUR),
        ({}, HOUR, 19 * HOUR),
        ({"frequency": Frequency.WEEKLY}, HOUR, 4 * DAY + 19 * HOUR),
    ],
    ids=["gathers", "gathering off", "gathering off, old", "at once, but old", "daily", "weekly"],
)
def test_when_a_match_is_due(members: dict[str, object], age: float, waits: float) -> None:
    now = at("2026-11-25T12:00:00+01:00")
    assert schedule.due(person(**members), now, now - age) - now == waits


# One mail for all that waits.


def test_a_mail_tells_of_all_that_waits_even_of_what_is_not_due(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await house.matched(one, "x:1", due=10.0)
        await house.matched(one, "x:2", "x:3", due=20.0)
        await gather(house.store, 9.0)
        assert await house.store.count(MAILS) == 0
        await gather(house.store, 10.0)
        await house.sender.send_all()
        (mail,) = house.sent()
        assert sorted(re.findall(r"vacancies/(x:\d)", text(mail))) == ["x:1", "x:2", "x:3"]
        await gather(house.store, 30.0)
        assert await house.store.count(MAILS) == 1

    run(work)


def test_of_many_instances_one_makes_the_digest(tmp_path: Path, run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        people = [await house.known(f"p{n}") for n in range(40)]
        for one in people:
            await house.matched(one, *(f"x:{n}" for n in range(30)))
        others = [SqliteStore(str(tmp_path / "notify.db")) for _ in range(4)]
        await asyncio.gather(*(gather(store, time.time()) for store in (house.store, *others)))
        mails = [doc for _, doc in await house.store.find(MAILS)]
        assert sorted(doc["subscription"] for doc in mails) == sorted(one.id for one in people)
        assert {len(doc["matches"]) for doc in mails} == {30}
        for store in others:
            await store.close()

    run(work)


def test_a_match_that_was_set_free_is_mailed_though_its_mail_was_cancelled(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await house.matched(one, "x:1")
        ((key, match),) = await house.store.find(MATCHES)
        from services.notify.gathering import name

        over = ledger.new_mail(one.id, Kind.ALERT, MailState.CANCELLED)
        await house.store.insert(MAILS, {name(key, match): over})
        await gather(house.store, 2.0)
        await house.sender.send_all()
        assert len(house.sent()) == 1

    run(work)


@pytest.mark.parametrize(("gathers", "mails"), [(900.0, A_DAY), (0.0, 6)])
def test_at_once_is_four_mails_a_day_and_the_rest_in_the_digest(
    run: Callable[[Work], None], gathers: float, mails: int
) -> None:
    async def work(house: House) -> None:
        one = await house.known(frequency=Frequency.AT_ONCE, gathers=gathers)
        now = time.time()
        for n in range(6):
            await house.matched(one, f"x:{n}", due=now, matched_at=now)
            await gather(house.store, now)
        assert await house.store.count(MAILS) == mails
        await gather(house.store, schedule.next_digest(one, now))
        docs = [doc for _, doc in await house.store.find(MAILS)]
        assert sorted(len(doc["matches"]) for doc in docs) == ([1] * 4 + [2] if gathers else [1] * 6)

    run(work)


# The pages.


async def confirmed(house: House, **form: str) -> Subscription:
    body = {"address": "a@example.org", "query": {"q": "lasser", "near": "Zelzate", "km": "45"}, "language": "nl"}
    answer = await house.http.post("/v1/subscriptions", json=body)
    assert answer.status_code == 202
    await house.sender.send_all()
    (link,) = re.findall(r"http\S+/subscriptions/confirm/\S+", text(house.sent()[-1]))
    assert (await house.http.post(link, data=form)).is_success
    ((identity, _),) = await house.store.find(SUBSCRIPTIONS)
    found = await subscribing.find(house.store, identity)
    assert found
    return found


def test_daily_at_seven_unless_somebody_chooses_otherwise(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await confirmed(house)
        assert (one.state, one.frequency, one.hour, one.zone) == (State.ACTIVE, "daily", 7, "Europe/Brussels")
        assert one.wording
        assert one.confirmed_at
        assert one.remind_at == pytest.approx(one.confirmed_at + 335 * DAY)

    run(work)


def test_what_is_chosen_when_confirming_is_kept(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await confirmed(house, frequency="weekly", hour="18", zone="Europe/Helsinki")
        assert (one.frequency, one.hour, one.zone) == ("weekly", 18, "Europe/Helsinki")

    run(work)


@pytest.mark.parametrize(
    "wrong", [{"zone": "Mars/Olympus"}, {"zone": "../etc/passwd"}, {"hour": 24}, {"frequency": "hourly"}, {"x": 1}]
)
def test_the_api_refuses_what_it_does_not_know(run: Callable[[Work], None], wrong: dict[str, object]) -> None:
    async def work(house: House) -> None:
        answer = await house.http.post("/v1/subscriptions", json={"address": "a@example.org", "query": {}, **wrong})
        assert answer.status_code == 422
        assert next(iter(wrong)) in answer.text
        assert await house.store.count(SUBSCRIPTIONS) == 0

    run(work)


def test_what_its_words_stand_for_is_kept_with_a_search_until_they_are_changed(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        asked = {"address": "a@example.org", "language": "nl", "query": {"q": "lasser", "lang": "nl"}}
        assert (await house.http.post("/v1/subscriptions", json=asked)).status_code == 202
        ((identity, doc),) = await house.store.find(SUBSCRIPTIONS)
        assert doc["query"]["also"] == list(understood(Query(q="lasser", lang="nl")).also) != []
        one = await subscribing.find(house.store, identity)
        assert one
        await subscribing.confirm(house.store, one, datetime.now(UTC))
        for words in ("lasser", "kok"):
            form = {"do": "change", "q": words}
            assert (await house.http.post(f"{house.manage(one)}/{one.id}", data=form)).status_code == 303
            changed = await subscribing.find(house.store, one.id)
            assert changed
            assert changed.query.also == understood(Query(q=words, lang="nl")).also != ()

    run(work)


def test_a_person_changes_pauses_resumes_and_stops(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        act = f"{house.manage(one)}/{one.id}"
        changes = {"do": "change", "q": "kok", "near": "Gent", "km": "20", "frequency": "weekly", "language": "fr"}
        assert (await house.http.post(act, data=changes)).status_code == 303
        changed = await subscribing.find(house.store, one.id)
        assert changed
        assert (changed.query.q, changed.query.km, changed.origin and changed.origin.name) == ("kok", 20, "Gent")
        assert (changed.frequency, changed.language) == ("weekly", "fr")
        for do, state in (("pause", State.PAUSED), ("resume", State.ACTIVE), ("stop", State.STOPPED)):
            assert (await house.http.post(act, data={"do": do})).status_code == 303
            assert await house.state(one) is state
        assert (await house.http.post(act, data={"do": "resume"})).status_code == 400
        assert await house.state(one) is State.STOPPED

    run(work)


def test_a_change_that_cannot_be_is_said_and_changes_nothing(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        before = await house.everything()
        answer = await house.http.post(
            f"{house.manage(one)}/{one.id}", data={"do": "change", "near": "Nowhereatall", "q": "x"}
        )
        assert answer.status_code == 400
        assert "No place called “Nowhereatall” is known." in answer.text
        assert await house.everything() == before

    run(work)


def test_nobody_acts_on_what_is_another_persons(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one, other = await house.known("a"), await house.known("b")
        before = await house.everything()
        answer = await house.http.post(f"{house.manage(one)}/{other.id}", data={"do": "stop"})
        assert answer.status_code == 404
        page = (await house.http.get(house.manage(one))).text
        assert one.id in page
        assert other.id not in page
        assert await house.everything() == before

    run(work)


def test_a_look_at_any_link_changes_nothing(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        await confirmed(house)
        one = await house.known()
        for kind in (Kind.LINK, Kind.REMINDER):
            await ledger.order(house.store, kind, one.id)
        await house.matched(one, "x:1")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        links = {
            link for mail in house.sent() for link in re.findall(r"http://pendler\.example\.org(/\S+)", text(mail))
        }
        links |= {f"{house.manage(one)}/{page}" for page in ("export", "erase")}
        assert len(house.sent()) == 4
        assert {link.split("/")[2] for link in links if "/subscriptions/" in link} == {"confirm", "manage", "stop"}
        before = await house.everything()
        for link in links:
            for _ in range(50 if "subscriptions" in link else 1):
                answer = await house.http.get(link)
                assert answer.is_success or "/subscriptions/" not in link
        assert await house.everything() == before

    run(work)


def test_one_click_three_times_is_answered_alike(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        link = f"/subscriptions/stop/{Tokens(KEY).stop(one.id)}"
        answers = [await house.http.post(link, data={"List-Unsubscribe": "One-Click"}) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
        assert await house.state(one) is State.STOPPED

    run(work)


def test_a_link_is_mailed_and_the_answer_tells_nothing(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        await house.known("a")
        known = await house.http.post("/subscriptions/link", data={"address": "A@example.org "})
        unknown = await house.http.post("/subscriptions/link", data={"address": "b@example.org"})
        nothing = await house.http.post("/subscriptions/link", data={})
        assert known.status_code == unknown.status_code == nothing.status_code == 202
        assert known.text == unknown.text == nothing.text
        await house.sender.send_all()
        (mail,) = house.sent()
        assert mail["To"] == "a@example.org"
        assert "List-Unsubscribe" not in mail
        (link,) = re.findall(r"http\S+/manage/\S+", text(mail))
        assert "lasser" in (await house.http.get(link)).text

    run(work)


@pytest.mark.parametrize("times", [100, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_victim_of_many_sign_ups_gets_a_few_mails(run: Callable[[Work], None], times: int) -> None:
    async def work(house: House) -> None:
        for _ in range(times):
            body = {"address": "victim@example.org", "query": {}}
            assert (await house.http.post("/v1/subscriptions", json=body)).status_code == 202
        await house.http.post("/subscriptions/link", data={"address": "victim@example.org"})
        await house.sender.send_all()
        assert len(house.sent()) == limits.TO_ONE
        assert await house.store.count(SUBSCRIPTIONS) == limits.TO_ONE

    run(work)


def test_from_one_network_so_many_are_taken_whoever_is_asked_for(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FROM_ONE", 2)

    async def work(house: House) -> None:
        async def signed_up(n: int, host: str) -> list[int]:
            transport = ASGITransport(house.app, client=(host, 1))
            async with AsyncClient(transport=transport, base_url="http://pendler.example.org") as http:
                body = {"address": f"reader{n}@example.org", "query": {}}
                api = await http.post("/v1/subscriptions", json=body)
                link = await http.post("/subscriptions/link", data={"address": f"nobody{n}@example.org"})
                page = await http.post("/subscriptions", data={"address": f"other{n}@example.org"})
                return [api.status_code, link.status_code, page.status_code]

        assert await signed_up(1, "1.2.3.4") == [202, 202, 429]
        assert await signed_up(2, "1.2.3.4") == [429, 429, 429]
        assert await signed_up(3, "2a02:1234::1") == [202, 202, 429]
        assert await signed_up(4, "2a02:1234::ffff:2") == [429, 429, 429]
        assert await signed_up(5, "2a02:1234:0:1::1") == [202, 202, 429]
        assert await signed_up(6, "127.0.0.1") == [202, 202, 202]
        assert await signed_up(7, "10.0.0.7") == [202, 202, 202]
        assert await house.store.count(SUBSCRIPTIONS) == 7
        assert not any("1.2.3.4" in f"{key}{doc}" for key, doc in await house.store.find(ASKED))

    run(work)


LEGAL = [
    ("a+b@example.org", "a+b@example.org"),
    ("o'brien@example.org", "o'brien@example.org"),
    ("!#$%&'*+/=?^_`{|}~-@example.org".replace("=?", "="), "!#$%&'*+/=^_`{|}~-@example.org"),
    ("Anna.B-c_d@Sub.Example.ORG", "Anna.B-c_d@sub.example.org"),
    ("søren@example.org", "søren@example.org"),
    ("用户@example.org", "用户@example.org"),
    ("reader@xn--mnchen-3ya.example", "reader@münchen.example"),
    ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
]
HOSTILE = [
    "a@example.org\r\nBcc: b@example.org", "a@example.org\nBcc: b@example.org", "a\r\n@example.org",
    "a@example.org\u2028",
    "a\u2028b@example.org", "a\u0085@example.org", "a\x00@example.org", "=?utf-8?q?b=40example.com=2C?=@example.org",
    "=?utf-8?b?YkBleGFtcGxlLmNvbQ==?= <a@example.org>", "Anna <a@example.org>", "a@example.org, b@example.org",
    "a@example.org;b@example.org", "@a.example:b@example.org", "a@b@example.org", '"a b"@example.org',
    "(x)a@example.org",
    "a@[127.0.0.1]", "a@localhost", "a@example", "a@example..org", ".a@example.org", "a..b@example.org", "a@-x.example",
    "a@" + "x" * 64 + ".org", "a" * 10_000 + "@example.org",
    "a\u202e@example.org", "a@exam\u200bple.org",
    "a@example.org\t", "", "@", "<a@example.org>", "mailto:a@example.org?cc=b@example.org",
]  # fmt: skip


@pytest.mark.parametrize(("given", "kept"), LEGAL, ids=lambda one: ascii(one[:24]))
def test_an_odd_address_gets_its_mail(run: Callable[[Work], None], given: str, kept: str) -> None:
    async def work(house: House) -> None:
        answer = await house.http.post("/v1/subscriptions", json={"address": given, "query": {}})
        assert answer.status_code == 202
        await house.sender.send_all()
        (mail,) = house.sent()
        assert [one.addr_spec for one in mail["To"].addresses] == [kept]
        assert mail["Bcc"] is mail["Cc"] is None

    run(work)


@pytest.mark.parametrize("given", HOSTILE, ids=lambda one: ascii(one[:24]))
def test_a_hostile_address_is_refused_and_kept_nowhere(run: Callable[[Work], None], given: str) -> None:
    async def work(house: House) -> None:
        answer = await house.http.post("/v1/subscriptions", json={"address": given, "query": {}})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "bad-address")
        assert (await house.http.post("/subscriptions", data={"address": given})).status_code == 400
        assert (await house.store.count(SUBSCRIPTIONS), await house.store.count(MAILS)) == (0, 0)

    run(work)


def test_a_week_of_digests_that_nobody_made_is_caught_up_in_one_mail_once(
    tmp_path: Path, run: Callable[[Work], None]
) -> None:
    async def work(house: House) -> None:
        one, now = await house.known(), time.time()
        for day in range(7):
            at = now - (7 - day) * DAY
            await house.matched(one, *(f"x:{10 * day + n}" for n in range(3)), matched_at=at, due=at + HOUR)
        others = [SqliteStore(str(tmp_path / "notify.db")) for _ in range(3)]
        for _ in range(2):
            await asyncio.gather(*(gather(store, now) for store in (house.store, *others)))
            await house.sender.send_all()
        (mail,) = house.sent()
        assert mail["Subject"] == "21 new jobs for “lasser”"
        assert (await operating.audit(house.store))["wrong"] == []
        for store in others:
            await store.close()

    run(work)


def test_bad_links_are_all_alike(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        tokens = Tokens(KEY)
        good = tokens.manage(one.subscriber)
        flipped = [good[:n] + chr(ord(good[n]) ^ 1) + good[n + 1 :] for n in range(len(good)) if good[n] != "."]
        assert len(set(flipped) - {good}) > 40
        bad = [
            good[:-3],
            *flipped,
            tokens.stop(one.id),
            tokens.feed(one.id),
            tokens.confirm(one.id),
            "x",
            "%00",
            "é" * 300,
        ]
        bad += [Tokens("another key").manage(one.subscriber), tokens.manage("nobody")]
        answers = [await house.http.get(f"/subscriptions/manage/{token}") for token in bad]
        answers += [await house.http.get(f"/subscriptions/{path}/{good}") for path in ("stop", "confirm")]
        answers += [await house.http.get(f"/subscriptions/feed/{good}.rss")]
        answers += [await house.http.post(f"/subscriptions/manage/{token}/erase") for token in bad[:5]]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1

    run(work)


def test_an_old_link_is_good_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Tokens(KEY).manage("someone")
    assert Tokens(KEY).managed(token) == "someone"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 8 * DAY)
    assert Tokens(KEY).managed(token) is None
    assert Tokens(KEY).stopped(Tokens(KEY).stop("x")) == "x", "goodbye lasts"


def test_all_that_is_kept_is_exported_and_then_erased(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one, other = await house.known("a"), await house.known("b")
        for each in (one, other):
            await house.matched(each, "x:1")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        await house.matched(one, "x:2")
        exported = (await house.http.get(f"{house.manage(one)}/export")).json()
        (kept,) = exported["subscriptions"]
        assert (kept["address"], len(kept["mails"])) == ("a@example.org", 1)
        assert sorted(match["ref"] for match in kept["matches"]) == ["x:1", "x:2"]
        for _ in range(2):
            answer = await house.http.post(f"{house.manage(one)}/erase")
            assert "We have erased your address" in answer.text
        everything = str(await house.everything())
        assert "a@example.org" not in everything
        assert one.subscriber not in everything
        assert "b@example.org" in everything
        assert await house.store.count(MATCHES) == await house.store.count(MAILS) == 1

    run(work)


def test_a_reminder_comes_once_a_year_and_nothing_ends(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known(remind_at=time.time() - 1, language="nl")
        for _ in range(3):
            await subscribing.remind(house.store)
        await house.sender.send_all()
        (mail,) = house.sent()
        assert mail["Subject"] == "Wilt u nog steeds nieuwe banen per e-mail?"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert await house.state(one) is State.ACTIVE

    run(work)


def test_a_doubtful_mail_is_told_of_on_the_page(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await house.matched(one, "x:1", "x:2")
        await gather(house.store, 2.0)
        ((identity, doc),) = await house.store.find(MAILS)
        assert await ledger.move(house.store, identity, doc, MailState.AMBIGUOUS)
        page = html.document_fromstring((await house.http.get(house.manage(one))).text)
        assert "may not have reached you: see its 2 jobs." in page.text_content()
        assert page.xpath("//a[starts-with(@href, '/vacancies/x:')]")

    run(work)


def test_a_feed_tells_what_was_found_to_who_has_its_link(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await house.matched(one, "x:1")
        await gather(house.store, 2.0)
        await house.matched(one, "x:2", matched_at=5.0)
        path = f"/subscriptions/feed/{Tokens(KEY).feed(one.id)}"
        rss = etree.fromstring((await house.http.get(f"{path}.rss")).content)
        assert [each.text for each in rss.findall("channel/item/title")] == ["Lasser x:2", "Lasser x:1"]
        feed = (await house.http.get(f"{path}.json")).json()
        assert feed["version"] == "https://jsonfeed.org/version/1.1"
        assert [each["title"] for each in feed["items"]] == ["Lasser x:2", "Lasser x:1"]
        assert "a@example.org" not in str(feed)
        await subscribing.stop(house.store, one)
        assert (await house.http.get(f"{path}.json")).status_code == 404

    run(work)


def test_a_store_made_before_a_field_was_declared_finds_by_it(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "x.db")
        old = SqliteStore(path)
        await old.put(Collection("things", ("kind",)), {"a": {"kind": "x", "size": 3}, "b": {"kind": "x"}})
        await old.close()
        new = SqliteStore(path)
        assert [key for key, _ in await new.find(Collection("things", ("kind", "size")), {"size": 3})] == ["a"]
        await new.close()

    asyncio.run(main())


# Openings told of once.


async def clustered(house: House, *members: str, n: int = 1) -> None:
    facts = [
        VacancyClustered(ref=ref, n=n, cluster=min(members), members=members, at=datetime.now(UTC)) for ref in members
    ]
    await (await clusters.on_clustered(house.store, facts)).write()


def told_of(house: House) -> list[list[str]]:
    return [sorted(re.findall(r"vacancies/(\w:\d)", text(mail))) for mail in house.sent()]


def test_two_advertisements_of_one_opening_are_told_of_once_in_a_mail(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await clustered(house, "x:1", "y:1")
        await house.matched(one, "x:1", "y:1", "x:2")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        assert told_of(house) == [["x:1", "x:2"]]
        assert (await operating.audit(house.store))["wrong"] == []

    run(work)


def test_an_opening_that_was_mailed_is_not_news_from_another_source(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one, other = await house.known("a"), await house.known("b")
        await house.matched(one, "y:1")
        await gather(house.store, 2.0)
        await clustered(house, "x:1", "y:1")
        await house.matched(one, "x:1")
        await house.matched(other, "x:1")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        assert sorted((mail["To"], told) for mail, told in zip(house.sent(), told_of(house), strict=True)) == [
            ("a@example.org", ["y:1"]),
            ("b@example.org", ["x:1"]),
        ]
        assert (await operating.audit(house.store))["wrong"] == []

    run(work)


def test_a_cluster_that_comes_apart_is_two_openings_again(run: Callable[[Work], None]) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await clustered(house, "x:1", "y:1")
        await clustered(house, "x:1", n=2)
        await clustered(house, "y:1", n=2)
        await house.matched(one, "x:1", "y:1")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        assert told_of(house) == [["x:1", "y:1"]]
        await clusters.on_clustered(house.store, [Erased("x:1", VacancyClustered.topic.name)])

    run(work)


# Forgetting.


@pytest.mark.parametrize(
    ("state", "days", "kept"),
    [
        (State.UNCONFIRMED, 6, True),
        (State.UNCONFIRMED, 8, False),
        (State.STOPPED, 27, True),
        (State.STOPPED, 29, False),
        (State.ACTIVE, 400, True),
        (State.PAUSED, 400, True),
    ],
)
def test_how_long_an_address_is_kept(run: Callable[[Work], None], state: State, days: int, kept: bool) -> None:
    async def work(house: House) -> None:
        one = await house.known(state=state, changed_at=time.time() - days * DAY)
        for _ in range(2):
            await retain(house.store, house.mail)
        assert ("a@example.org" in str(await house.everything())) is kept
        assert (await subscribing.find(house.store, one.id) is not None) is kept

    run(work)


def test_what_a_mail_said_is_forgotten_and_that_it_was_mailed_is_not(
    run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(house: House) -> None:
        one = await house.known()
        await house.matched(one, "x:1")
        await gather(house.store, 2.0)
        await house.sender.send_all()
        await retain(house.store, house.mail)
        assert "Lasser x:1" in str(await house.everything())
        later = time.time() + 8 * DAY
        monkeypatch.setattr(time, "time", lambda: later)
        await retain(house.store, house.mail)
        assert "Lasser x:1" not in str(await house.everything())
        assert house.sent() == []
        assert (await house.http.get(f"/subscriptions/feed/{Tokens(KEY).feed(one.id)}.rss")).is_success
        await house.matched(one, "x:1")
        await gather(house.store, later)
        assert await house.store.count(MAILS) == 1

    run(work)
