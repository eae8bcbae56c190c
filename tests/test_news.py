"""New to us is not new: what a source's first delivery brings, what is old, and what came before a person's word."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pendler.store import Doc, Store
from pendler.store.sqlite import SqliteStore
from schemas.event import VacancyMatched
from schemas.query import Query
from schemas.vacancy import Origin, Profile, Status, Vacancy
from services.notify.readers import Readers
from services.notify.service import on_matched
from services.notify.state import MATCHES, SUBSCRIPTIONS, Frequency, State, subscription

NOW = datetime.now(UTC)
PEOPLE, OLD = 50, 1000


def event(n: int, news_at: datetime | None, revision: int = 1) -> VacancyMatched:
    vacancy = Vacancy(origin=Origin(external_id=str(n)), profiles=(Profile(title="Lasser", text="lassen"),))
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


def test_a_thousand_old_ads_of_a_new_source_are_mailed_to_nobody(matches: Callable[..., list[Doc]]) -> None:
    assert matches([event(n, None) for n in range(OLD)]) == []


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
