"""Saved advertisements: only what changed in what matters, closes soon or is closed is told, each once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pendler.service import Fact
from pendler.store import Doc, Store
from pendler.store.sqlite import SqliteStore
from schemas.event import Erased, VacancyMatched
from schemas.query import Query
from schemas.rights import Way
from schemas.vacancy import Derived, Employer, Location, Origin, Pay, Profile, Status, Stub, Vacancy
from services.notify import saved, subscribing
from services.notify.digest import alert
from services.notify.personal import export
from services.notify.readers import Readers
from services.notify.schedule import next_digest
from services.notify.service import on_matched
from services.notify.state import MATCHES, SUBSCRIPTIONS, Frequency, State, Subscription, subscription

NOW = datetime.now(UTC)
WEEKS = NOW + timedelta(days=21)
Work = Callable[[Store, Subscription], Awaitable[None]]
LINKS = {name: f"https://pendler.example.org/{name}" for name in ("site", "search", "unsubscribe", "manage")}


def state(revision: int, *, enrichment: int = 0, **members: Any) -> VacancyMatched:
    said: dict[str, Any] = {
        "title": "Lasser", "text": "lassen", "pay": None, "apply_by": WEEKS, "locations": (Location(city="Gent"),)
    } | members  # fmt: skip
    profiles = (Profile(title=said.pop("title"), text=said.pop("text")),)
    vacancy = Vacancy(origin=Origin(external_id="1"), profiles=profiles, employer=Employer(name="Werf NV"), **said)
    return VacancyMatched(
        ref="x:1", revision=revision, enrichment=enrichment, status=Status.ACTIVE, at=NOW, vacancy=vacancy,
        derived=Derived(language="nl"),
    )  # fmt: skip


def closed(revision: int) -> VacancyMatched:
    return VacancyMatched(ref="x:1", revision=revision, status=Status.CLOSED, at=NOW, stub=Stub())


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Work], None]:
    """With a person whose search fits nothing here, and who has saved the first state."""

    async def main(work: Work) -> None:
        store = SqliteStore(str(tmp_path / "notify.db"))
        try:
            made = subscription("a@example.org", "en", Query(q="koch"), None, NOW, "key")
            one = replace(made, state=State.ACTIVE, confirmed_at=1.0)
            await store.put(SUBSCRIPTIONS, {one.id: one.document()})
            assert await saved.save(store, one.subscriber, state(1))
            await work(store, one)
        finally:
            await store.close()

    return lambda work: asyncio.run(main(work))


async def handle(store: Store, *facts: Fact) -> None:
    await (await on_matched(store, Readers(store), facts)).write()


async def told(store: Store) -> list[Doc]:
    return [doc["item"] for _, doc in await store.find(MATCHES)]


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        ([state(1)], []),
        ([state(2)], []),
        ([state(2, text="lassen, ook op zaterdag")], []),
        ([state(1, enrichment=3)], []),
        ([state(2, title="Lasser TIG")], ["this has changed: Title"]),
        ([state(2, pay=Pay(minimum=2900, currency="EUR"))], ["this has changed: Pay"]),
        ([state(2, apply_by=WEEKS + timedelta(days=7))], ["this has changed: Apply by"]),
        ([state(2, apply_by=WEEKS + timedelta(days=7), title="Kok")], ["this has changed: Title, Apply by"]),
        ([state(2, locations=(Location(city="Aalst"),))], ["this has changed: Place"]),
        ([state(2, title="Kok"), state(2, title="Kok"), state(3, title="Kok")], ["this has changed: Title"]),
        ([state(3, title="Kok"), state(2)], ["this has changed: Title"]),
        ([closed(2)], ["closed now"]),
        ([state(2, title="Kok"), closed(3)], ["this has changed: Title", "closed now"]),
        ([Erased("x:1")], []),
        ([state(2, title="Kok").model_copy(update={"ways": (Way.SEARCH,)})], []),
        ([state(2, title="Kok").model_copy(update={"ref": "x:2"})], []),
    ],
)
def test_what_is_told(run: Callable[[Work], None], facts: list[Fact], reasons: list[str]) -> None:
    async def work(store: Store, _: Subscription) -> None:
        for fact in facts:
            await handle(store, fact)
        await handle(store, *facts)
        whys = sorted(one["why"][0].rpartition(" and ")[2].removeprefix("it is ") for one in await told(store))
        assert whys == sorted(reasons)

    run(work)


def test_what_closes_soon_is_told_once_whatever_changes(run: Callable[[Work], None]) -> None:
    async def work(store: Store, one: Subscription) -> None:
        await saved.closing(store)
        assert await told(store) == []
        soon = state(2, apply_by=NOW + timedelta(days=2))
        await handle(store, soon)
        for _ in range(2):
            await saved.closing(store)
        await handle(store, state(3, apply_by=soon.vacancy and soon.vacancy.apply_by, title="Kok"))
        await saved.closing(store)
        assert sorted(each["news"] for each in await told(store)) == ["changed.2", "changed.3", "closing"]
        (entry,) = await saved.of(store, one.subscriber)
        assert entry["closes"] is None

    run(work)


def test_a_last_day_does_not_wait_for_monday(run: Callable[[Work], None]) -> None:
    async def work(store: Store, one: Subscription) -> None:
        assert await subscribing.change(store, one, frequency=Frequency.WEEKLY)
        await handle(store, state(2, title="Kok", apply_by=NOW + timedelta(days=2)))
        await saved.closing(store)
        weekly, daily = (replace(one, frequency=each) for each in (Frequency.WEEKLY, Frequency.DAILY))
        due = {match["item"]["news"]: (match["due"], match["matched_at"]) for _, match in await store.find(MATCHES)}
        assert due["closing"][0] == next_digest(daily, due["closing"][1])
        assert due["changed.2"][0] == next_digest(weekly, due["changed.2"][1])

    run(work)


def test_what_is_closed_is_saved_no_longer_and_what_a_person_lets_go_is_told_no_more(
    run: Callable[[Work], None],
) -> None:
    async def work(store: Store, one: Subscription) -> None:
        await handle(store, closed(2))
        assert await saved.of(store, one.subscriber) == []
        assert await saved.save(store, one.subscriber, state(3))
        await saved.forget(store, one.subscriber, ["x:1"])
        await handle(store, state(4, title="Kok"))
        assert [each["news"] for each in await told(store)] == ["closed"]

    run(work)


def test_nothing_is_told_to_who_rests_and_nothing_is_kept_of_who_is_gone(run: Callable[[Work], None]) -> None:
    async def work(store: Store, one: Subscription) -> None:
        assert len((await export(store, one.subscriber))["saved"]) == 1
        assert await subscribing.pause(store, one)
        await handle(store, state(2, title="Kok"))
        assert await told(store) == []
        await subscribing.erase(store, one.subscriber)
        assert await store.count(saved.SAVED) == 0

    run(work)


def test_a_person_saves_so_many_and_each_once(run: Callable[[Work], None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(store: Store, one: Subscription) -> None:
        monkeypatch.setattr(saved, "A_PERSON", 2)
        second, third = (state(1).model_copy(update={"ref": ref}) for ref in ("x:2", "x:3"))
        assert await saved.save(store, one.subscriber, second)
        assert not await saved.save(store, one.subscriber, third)
        assert len(await saved.of(store, one.subscriber)) == 2

    run(work)


def test_a_mail_counts_what_is_new_and_tells_of_what_was_saved_after_it(run: Callable[[Work], None]) -> None:
    async def work(store: Store, one: Subscription) -> None:
        await handle(store, state(2, title="Kok"), closed(3))
        news = [{"item": each} for each in await told(store)]
        links = {**LINKS, "mail": "m1"}
        alone = alert(one, news, links, NOW)
        assert alone["Subject"] == "News of 2 advertisements you saved"
        new = {"item": {name: value for name, value in news[0]["item"].items() if name != "news"} | {"ref": "x:9"}}
        both = alert(one, [*news, new], links, NOW)
        assert both["Subject"] == "1 new job for “koch”"
        part = both.get_body(("plain",))
        assert part
        before, heading, after = part.get_content().partition("News of advertisements that you saved")
        assert heading
        assert ("x:9" in before, after.count("/vacancies/x:1")) == (True, 2)

    run(work)
