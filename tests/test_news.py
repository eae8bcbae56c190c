"""New to us is not new: what a source's first delivery brings, what is old, and what came before a person's word."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pendler.store import Doc, Store
from pendler.store.sqlite import SqliteStore
from schemas.event import SourceNamed, VacancyMatched
from schemas.query import Query
from schemas.vacancy import Origin, Profile, Status, Vacancy
from services.notify.digest import alert
from services.notify.gathering import gather
from services.notify.joining import on_named
from services.notify.readers import Readers
from services.notify.service import on_matched
from services.notify.state import MAILS, MATCHES, SUBSCRIPTIONS, Frequency, MailState, State, subscription

NOW = datetime.now(UTC)
PEOPLE = 50


def event(n: int, news_at: datetime | None, revision: int = 1, title: str = "Lasser") -> VacancyMatched:
    vacancy = Vacancy(origin=Origin(external_id=str(n)), profiles=(Profile(title=title, text="lassen"),))
    return VacancyMatched(
        ref=f"new:{n}", revision=revision, status=Status.ACTIVE, at=NOW, news_at=news_at, vacancy=vacancy
    )


@pytest.fixture
def matches(tmp_path: Path) -> Callable[..., list[Doc]]:
    """The matches noted for people who asked for all jobs ten days ago, at once, when these events are handled."""

    def handled(*batches: list[VacancyMatched], gathers: float = 900.0) -> list[Doc]:
        async def work(store: Store) -> list[Doc]:
            made = [subscription(f"p{n}@example.org", "en", Query(), None, NOW, "key") for n in range(PEOPLE)]
            said = (NOW - timedelta(days=10)).timestamp()
            alive = [
                replace(one, state=State.ACTIVE, frequency=Frequency.AT_ONCE, confirmed_at=said, gathers=gathers)
                for one in made
            ]
            await store.put(SUBSCRIPTIONS, {one.id: one.document() for one in alive})
            readers = Readers(store)
            for batch in batches:
                await (await on_matched(store, readers, batch)).write()
            return [doc for _, doc in await store.find(MATCHES, limit=10**6)]

        return asyncio.run(_with(tmp_path, work))

    return handled


async def _with(folder: Path, work: Callable[[Store], Awaitable[list[Doc]]]) -> list[Doc]:
    store = SqliteStore(str(folder / "notify.db"))
    try:
        return await work(store)
    finally:
        await store.close()


@pytest.mark.parametrize(("people", "old"), [(100, 500), pytest.param(10_000, 100_000, marks=pytest.mark.soak)])
def test_old_ads_of_a_new_source_are_a_line_in_the_digest_and_mailed_to_nobody_at_once(
    tmp_path: Path, people: int, old: int
) -> None:
    """Twenty people ask for each word; each batch is handled twice, as after a kill that came too late."""
    words, said = people // 20, (NOW - timedelta(days=10)).timestamp()

    async def work(store: Store) -> list[Doc]:
        for n in range(people):
            asked = subscription(f"p{n}@example.org", "en", Query(q=f"beruf{n % words}"), None, NOW, "key")
            one = replace(asked, state=State.ACTIVE, frequency=Frequency.AT_ONCE, confirmed_at=said)
            await store.put(SUBSCRIPTIONS, {one.id: one.document()})
        await (await on_named(store, [SourceNamed(source="new", name="VDAB", at=NOW)])).write()
        readers = Readers(store)
        for start in range(0, old, 300):
            batch = [event(n, None, title=f"beruf{n % words}") for n in range(start, min(old, start + 300))]
            await (await on_matched(store, readers, batch)).write()
            await (await on_matched(store, readers, batch)).write()
        found = [doc for _, doc in await store.find(MATCHES, limit=10**6)]
        await gather(store, max(doc["matched_at"] for doc in found) + 900)
        assert await store.count(MAILS) == 0
        await gather(store, max(doc["due"] for doc in found))
        mails = [doc for _, doc in await store.find(MAILS, limit=10**6)]
        assert {(doc["state"], len(doc["matches"])) for doc in mails} == {(MailState.PENDING, 1)}
        assert mails
        return found

    found = asyncio.run(_with(tmp_path, work))
    assert len(found) == people
    told = {(doc["item"]["news"], doc["item"]["source"], doc["item"]["name"]) for doc in found}
    assert told == {("joined", "new", "VDAB")}
    assert {doc["item"]["count"] for doc in found} == {old // words}


@pytest.mark.parametrize(
    ("count", "subject"),
    [(1, "VDAB has joined: 1 job matches your search"), (1214, "VDAB has joined: about 1,214 jobs match your search")],
)
def test_a_source_that_joins_is_one_line(count: int, subject: str) -> None:
    one = subscription("a@example.org", "en", Query(q="lasser"), None, NOW, "key")
    links = {name: f"https://example.org/{name}" for name in ("search", "unsubscribe", "manage")}
    item = {"news": "joined", "source": "new", "name": "VDAB", "count": count}
    message = alert(one, [{"item": item}], {**links, "site": "https://example.org", "mail": "m1"}, NOW)
    part = message.get_body(("plain",))
    assert part
    assert message["Subject"] == subject
    assert f"{subject}\nhttps://example.org/?q=lasser&source=new\n" in part.get_content()


@pytest.mark.parametrize(
    "members", [{"revision": 2}, {"episode": 2}, {"news_at": NOW}, {"ways": ()}, {"at": NOW - timedelta(days=11)}]
)
def test_only_a_first_delivery_is_a_source_that_joins(
    matches: Callable[..., list[Doc]], members: dict[str, object]
) -> None:
    found = matches([event(1, None).model_copy(update=members)])
    assert [doc for doc in found if doc["item"].get("news")] == []


def test_what_came_before_a_persons_word_is_no_news(matches: Callable[..., list[Doc]]) -> None:
    assert matches([event(n, NOW - timedelta(days=11)) for n in range(20)]) == []


def test_what_is_old_when_we_learn_of_it_waits_for_the_digest(matches: Callable[..., list[Doc]]) -> None:
    old, new = event(1, NOW - timedelta(days=3)), event(2, NOW)
    waits = {doc["ref"]: doc["due"] - doc["matched_at"] for doc in matches([old, new])}
    assert waits["new:2"] == pytest.approx(900)
    assert waits["new:1"] != pytest.approx(900)


def test_without_gathering_nothing_waits(matches: Callable[..., list[Doc]]) -> None:
    found = matches([event(1, NOW - timedelta(days=3)), event(2, NOW)], gathers=0.0)
    assert len(found) == 2 * PEOPLE
    assert {doc["due"] - doc["matched_at"] for doc in found} == {0.0}


def test_what_was_seen_is_no_news_when_it_comes_again(matches: Callable[..., list[Doc]]) -> None:
    once = [event(1, NOW)]
    assert len(matches(once, once, [event(1, NOW, revision=2)])) == PEOPLE


@pytest.mark.parametrize(("looks_back_every", "heard"), [(0.0, 1), (60.0, 0)])
def test_who_came_by_a_clock_that_is_behind_is_heard_at_the_next_look_back(
    looks_back_every: float, heard: int, tmp_path: Path
) -> None:
    async def work(store: Store) -> list[Doc]:
        readers = Readers(store, looks_back_every)
        await readers.refresh()
        one = subscription("late@example.org", "en", Query(), None, NOW, "key")
        then = (NOW - timedelta(minutes=20)).timestamp()
        late = replace(one, state=State.ACTIVE, confirmed_at=then, changed_at=then)
        await store.put(SUBSCRIPTIONS, {late.id: late.document()})
        await (await on_matched(store, readers, [event(1, NOW)])).write()
        return [doc for _, doc in await store.find(MATCHES)]

    assert len(asyncio.run(_with(tmp_path, work))) == heard
