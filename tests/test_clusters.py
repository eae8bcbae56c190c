"""Openings of several sources: found again by reference or by what they say, kept apart where they differ, undone."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pendler.service import Fact
from pendler.store.sqlite import SqliteStore
from schemas.event import Erased, VacancyClustered, VacancyMatched
from schemas.vacancy import Derived, Employer, Location, Origin, Profile, Status, Stub, Vacancy
from services.match.clusters import clustered
from services.match.openings import employer_of, eures_reference, opening_of, same

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WARD = " ".join(f"On ward {n} you look after patients of bay {n} and write their plan {n}." for n in range(12))
LABORATORY = " ".join(f"In laboratory {n} you prepare sample {n} and clean bench {n} after use." for n in range(12))
WARD_TWO = WARD.replace("ward", "unit").replace("bay", "room").replace("plan", "chart")


def event(
    ref: str,
    title: str = "Nurse",
    text: str = WARD,
    employer: str | None = "Vestby Hospital",
    city: str | None = "Aabenraa",
    revision: int = 1,
    status: Status = Status.ACTIVE,
) -> VacancyMatched:
    vacancy = Vacancy(
        origin=Origin(external_id=ref.partition(":")[2]),
        profiles=(Profile(language="en", title=title, text=text),),
        employer=Employer(name=employer),
        locations=(Location(country="DK", city=city),),
    )
    state = {"vacancy": vacancy} if status is Status.ACTIVE else {"stub": Stub()}
    return VacancyMatched(ref=ref, revision=revision, status=status, at=NOW, derived=Derived(language="en"), **state)


def eures(reference: str, source: int) -> str:
    return base64.urlsafe_b64encode(f"{reference} {source}".encode()).decode().rstrip("=")


def one_opening(left: VacancyMatched, right: VacancyMatched) -> bool:
    one, other = opening_of(left), opening_of(right)
    assert one
    assert other
    assert (same(one, other) is None) == (same(other, one) is None)
    return same(one, other) is not None


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        (event("a:1"), event("b:2"), True),
        (event("a:1"), event("b:2", title="NURSE (m/f/d)", employer="VESTBY HOSPITAL A/S"), True),
        (event("a:1"), event("b:2", text=WARD[: len(WARD) // 2]), True),
        (event("a:1"), event("b:2", employer=None), True),
        (event("a:1", text=""), event("b:2", text=""), True),
        (event("a:1", text="", employer=None), event("b:2", text="", employer=None), False),
        (event("a:1"), event("b:2", text=WARD_TWO), False),
        (event("a:1"), event("b:2", city="Tønder"), False),
        (event("a:1"), event("b:2", employer="Other Clinic"), False),
        (event("a:1"), event("b:2", title="Laboratory assistant", text=LABORATORY), False),
        (event("a:1"), event("b:2", title="Cleaner"), False),
        (event("a:1"), event("b:2", text=LABORATORY), False),
        (event("de:10001-1000000001-S"), event(f"eures:{eures('10001-1000000001-S', 1)}", "Pfleger", "", None), True),
        (event("de:10001-1000000001-S"), event(f"eures:{eures('10001-1000000002-S', 1)}", "Pfleger", "", None), False),
        (event("a:24680001", "Baker", "", "Korn"), event("b:24680001", "Welder", "", "Stål", "Umeå"), False),
    ],
)
def test_pairs(left: VacancyMatched, right: VacancyMatched, alike: bool) -> None:
    assert one_opening(left, right) is alike


def test_ids_of_eures_and_names_of_employers() -> None:
    assert eures_reference("MTAwMDEtMTAwMzI4NjUxNS1TIDE") == "10001-1003286515-S"
    for other in ("", "12345678", "ö", "-", "a" * 200, "3f2c1a7e-0b6d-4f7e-9d57-0242ac120002"):
        assert eures_reference(other) is None
    assert employer_of("Åkeri Syd AB") == employer_of("ÅKERI SYD") == "akeri syd"
    assert employer_of("Bäckerei Korn GmbH & Co. KG") == "backerei korn"
    assert employer_of("AG") == "ag"


EACH = ("a:1", "b:2", "c:3")
Told = Callable[[Sequence[Fact]], Awaitable[dict[str, VacancyClustered | Erased]]]


def by_ref(told: dict[str, VacancyClustered | Erased], member: str) -> dict[str, Any]:
    return {ref: getattr(one, member) for ref, one in told.items()}


def telling(work: Callable[[Told], Awaitable[None]], tmp_path: Path) -> None:
    """Runs work with what tells the clusters of a batch; each batch is handled twice before its state is written."""

    async def run() -> None:
        store = SqliteStore(str(tmp_path / "match.db"))

        async def tell(facts: Sequence[Fact]) -> dict[str, VacancyClustered | Erased]:
            killed, result = await clustered(store, facts), await clustered(store, facts)
            assert killed.events == result.events
            await result.write()
            assert not (await clustered(store, facts)).events, "told once"
            return {one.ref: one for one in result.events if isinstance(one, VacancyClustered | Erased)}

        await work(tell)
        await store.close()

    asyncio.run(run())


def test_a_cluster_grows_and_comes_apart(tmp_path: Path) -> None:
    async def work(tell: Told) -> None:
        assert await tell([event("a:1")]) == {}
        told = await tell([event("b:2"), event("c:3")])
        assert by_ref(told, "members") == dict.fromkeys(EACH, EACH)
        assert all("the text" in why for each in by_ref(told, "evidence").values() for why in each.values())
        told = await tell([event("a:1", revision=2, city="Tønder")])
        assert by_ref(told, "cluster") == {
            "a:1": "a:1",
            "b:2": "b:2",
            "c:3": "b:2",
        }
        told = await tell([event("c:3", revision=2, status=Status.CLOSED)])
        assert by_ref(told, "members") == {
            "b:2": ("b:2",),
            "c:3": ("c:3",),
        }
        assert await tell([Erased("c:3")]) == {"c:3": Erased("c:3", "vacancy.clustered.v1")}

    telling(work, tmp_path)


def test_one_open_vacancy_of_each_source_and_the_likeliest(tmp_path: Path) -> None:
    near = WARD.replace("On ward 11", "On ward 99").replace("plan 3", "plan 77").replace("bay 5", "bay 55")

    async def work(tell: Told) -> None:
        await tell([event("a:1", text=near), event("a:2")])
        told = await tell([event("b:1")])
        assert by_ref(told, "members") == {
            "a:2": ("a:2", "b:1"),
            "b:1": ("a:2", "b:1"),
        }

    telling(work, tmp_path)


def test_a_repost_is_known_and_an_older_state_changes_nothing(tmp_path: Path) -> None:
    async def work(tell: Told) -> None:
        await tell([event("a:1")])
        await tell([event("a:1", revision=2, status=Status.CLOSED)])
        told = await tell([event("a:9")])
        assert by_ref(told, "repost_of") == {"a:9": "a:1"}
        assert await tell([event("a:1", revision=1)]) == {}

    telling(work, tmp_path)
