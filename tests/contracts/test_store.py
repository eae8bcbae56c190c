"""What every store must do: SQLite on one machine, and what speaks MongoDB's protocol."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pendler.service import Unavailable
from pendler.store import Collection, Range, Store, open_store

THINGS = Collection("things", ("kind", "at"))
Use = Callable[[Store], Awaitable[None]]


@pytest.fixture(params=["sqlite", pytest.param("mongodb", marks=pytest.mark.mongodb)])
def use(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Use], None]:
    """Runs something with a store; each call opens the same one anew, as a process would."""
    engine = request.getfixturevalue("mongodb") if request.param == "mongodb" else None
    url, service = f"mongodb://{engine.address}" if engine else f"file:{tmp_path}", f"contract_{uuid4().hex}"
    return lambda work: using(url, service, work)


def using(url: str, service: str, work: Use) -> None:
    async def opened() -> None:
        store = open_store(url, service)
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(opened())


def test_keeps_documents_over_processes(use: Callable[[Use], None]) -> None:
    async def write(store: Store) -> None:
        assert await store.put(THINGS, {"a": {"kind": "x", "text": "Æøå “”", "nested": {"n": [1, None, 2.5]}}}) == {"a"}

    async def read(store: Store) -> None:
        assert await store.get(THINGS, ["a", "absent"]) == {
            "a": {"kind": "x", "text": "Æøå “”", "nested": {"n": [1, None, 2.5]}}
        }

    use(write)
    use(read)


def test_writes_at_the_same_time_are_each_answered_for_itself(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {"guarded": {"version": 1}})
        puts = [
            store.put(THINGS, {f"a{n}": {"kind": "x"}, "guarded": {"version": n}}, guard=True) for n in range(1, 20)
        ]
        wrong = store.put(THINGS, {"wrong": {"kind": object()}})
        inserts = [store.insert(THINGS, {"once": {"kind": n}}) for n in range(20)]
        *answers, refused = await asyncio.gather(*puts, *inserts, wrong, return_exceptions=True)
        written, inserted = answers[:19], answers[19:]
        assert all(isinstance(keys, set) and f"a{n}" in keys for n, keys in enumerate(written, 1))
        assert sum(keys == {"once"} for keys in inserted) == 1
        assert isinstance(refused, Exception)
        assert set(await store.get(THINGS, ["a1", "a19", "once", "wrong"])) == {"a1", "a19", "once"}

    use(work)


def test_inserts_only_where_absent(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        assert await store.insert(THINGS, {"a": {"kind": "first"}}) == {"a"}
        assert await store.insert(THINGS, {"a": {"kind": "second"}, "b": {"kind": "second"}}) == {"b"}
        assert (await store.get(THINGS, ["a"]))["a"]["kind"] == "first"

    use(work)


@pytest.mark.parametrize(
    ("stored", "offered", "written"), [(None, 1, True), (1, 2, True), (2, 2, False), (3, 2, False)]
)
def test_a_guard_lets_only_newer_versions_in(
    use: Callable[[Use], None], stored: int | None, offered: int, written: bool
) -> None:
    async def work(store: Store) -> None:
        if stored is not None:
            await store.put(THINGS, {"a": {"version": stored, "by": "stored"}})
        assert await store.put(THINGS, {"a": {"version": offered, "by": "offered"}}, guard=True) == (
            {"a"} if written else set()
        )
        assert (await store.get(THINGS, ["a"]))["a"]["by"] == ("offered" if written else "stored")

    use(work)


def test_of_many_claims_at_once_one_wins(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {"a": {"version": 1}})
        claims = [store.put(THINGS, {"a": {"version": 2, "by": n}}, guard=True) for n in range(20)]
        assert sum(bool(won) for won in await asyncio.gather(*claims)) == 1

    use(work)


def test_finds_by_equality_and_one_range_in_order(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        docs = {f"k{n:02}": {"kind": "even" if n % 2 == 0 else "odd", "at": 20 - n} for n in range(20)}
        await store.put(THINGS, {**docs, "z": {"kind": "even"}})
        found = await store.find(THINGS, {"kind": "even"}, Range("at", above=4, upto=10))
        assert [key for key, _ in found] == ["k14", "k12", "k10"]
        assert [key for key, _ in await store.find(THINGS, {"kind": "odd"}, limit=3)] == ["k01", "k03", "k05"]
        assert [key for key, _ in await store.find(THINGS, past="k18")] == ["k19", "z"]
        assert await store.count(THINGS, {"kind": "even"}) == 11
        assert [key for key, _ in await store.find(THINGS, {"at": [3, 1, 99]}, limit=9)] == ["k17", "k19"]
        assert [key for key, _ in await store.find(THINGS, {"at": [3, 1]}, past="k17")] == ["k19"]
        assert await store.count(THINGS, {"kind": ["even", "odd"], "at": [3, 2]}) == 2
        assert await store.find(THINGS, {"kind": []}) == []
        assert await store.find(THINGS, {"kind": None}) == []

    use(work)


def test_a_field_that_is_none_is_one_that_is_absent(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(
            THINGS, {"none": {"kind": None, "at": 1}, "absent": {"at": 2}, "there": {"kind": "x", "at": None}}
        )
        assert [key for key, _ in await store.find(THINGS, {"kind": None})] == ["absent", "none"]
        assert [key for key, _ in await store.find(THINGS, {"kind": None}, Range("at"))] == ["none", "absent"]
        assert await store.find(THINGS, {"kind": "x"}, Range("at")) == []
        assert await store.find(THINGS, limit=0) == []

    use(work)


def test_a_range_of_texts_and_equality_on_one_field_go_together(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {key: {"kind": kind} for key, kind in zip("dcba", "xyxz", strict=True)})
        found = await store.find(THINGS, {"kind": "x"}, Range("kind", above="w", upto="x"), past="a")
        assert [key for key, _ in found] == ["b", "d"]
        assert await store.find(THINGS, {"kind": "x"}, Range("kind", above="x")) == []

    use(work)


UNSAFE = {
    "$set": {"a.b": {"$where": "1"}, "": 0, "_id": "other", "doc": "mine", "kind": "$kind", "version": 3},
    "a.b/ “c” 😀'\";--": {"text": "\u0000 \u2028 </script>", "kind": "a.b", "n": [2**53 + 1, -0.5, True, {}]},
    "large": {"text": "å€" * 150_000, "at": 1},
}


def test_documents_come_back_as_they_went_in_whatever_their_names(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        assert await store.insert(THINGS, UNSAFE) == set(UNSAFE)
        assert await store.get(THINGS, list(UNSAFE)) == UNSAFE
        assert await store.find(THINGS, {"kind": "$kind"}) == [("$set", UNSAFE["$set"])]
        assert dict(await store.find(THINGS)) == UNSAFE
        await store.delete(THINGS, ["$set"])
        assert await store.count(THINGS) == 2

    use(work)


def test_nothing_asked_is_nothing_done(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        assert await store.insert(THINGS, {}) == await store.put(THINGS, {}, guard=True) == set()
        assert await store.get(THINGS, []) == {}
        await store.delete(THINGS, [])

    use(work)


def test_a_batch_is_written_where_each_document_may_be(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {f"{n:04}": {"version": n % 3, "by": "first"} for n in range(1000)})
        offered = {f"{n:04}": {"version": 2, "by": "second"} for n in range(1500)}
        written = await store.put(THINGS, offered, guard=True)
        assert written == {key for n, key in enumerate(offered) if n >= 1000 or n % 3 < 2}
        found = await store.find(THINGS, limit=2000)
        assert {key for key, doc in found if doc["by"] == "second"} == written
        assert len(await store.find(THINGS)) == 1000

    use(work)


def test_the_highest_of_many_versions_at_once_stays(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        keys = [f"k{n}" for n in range(20)]
        puts = [store.put(THINGS, {key: {"version": n} for key in keys}, guard=True) for n in (3, 9, 1, 7, 5)]
        won = await asyncio.gather(*puts)
        assert won[1] == set(keys)
        assert {doc["version"] for doc in (await store.get(THINGS, keys)).values()} == {9}

    use(work)


def test_of_many_inserts_at_once_one_wins(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        keys = {f"k{n}" for n in range(20)}
        won = await asyncio.gather(*(store.insert(THINGS, {key: {"by": n} for key in keys}) for n in range(8)))
        assert sum(map(len, won)) == len(keys)
        kept = await store.get(THINGS, list(keys))
        assert all(key in won[doc["by"]] for key, doc in kept.items())

    use(work)


def test_services_do_not_see_one_another(
    use: Callable[[Use], None], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {"a": {"kind": "x"}})

    async def other(store: Store) -> None:
        assert await store.get(THINGS, ["a"]) == {}

    use(work)
    engine = request.getfixturevalue("mongodb") if "mongodb" in request.node.name else None
    using(f"mongodb://{engine.address}" if engine else f"file:{tmp_path}", f"other_{uuid4().hex}", other)


@pytest.mark.mongodb
def test_an_engine_that_is_away_is_unavailable_and_comes_back_with_what_it_had(mongodb: Any) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {"a": {"version": 1}})
        await asyncio.to_thread(mongodb.run, "term")
        try:
            for attempt in (store.get(THINGS, ["a"]), store.put(THINGS, {"a": {"version": 2}}, guard=True)):
                with pytest.raises(Unavailable, match="pendler_away"):
                    await attempt
        finally:
            await asyncio.to_thread(mongodb.run, "start")
        assert await store.put(THINGS, {"a": {"version": 2}}, guard=True) == {"a"}
        assert await store.get(THINGS, ["a"]) == {"a": {"version": 2}}

    using(f"mongodb://{mongodb.address}", f"away_{uuid4().hex}", work)


@pytest.mark.mongodb
def test_a_document_too_large_is_the_documents_fault(mongodb: Any) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(ValueError, match="'huge' is too large"):
            await store.put(THINGS, {"huge": {"text": "x" * 15_000_000}})
        assert await store.put(THINGS, {"a": {"text": "x" * 14_900_000}}) == {"a"}

    using(f"mongodb://{mongodb.address}", f"large_{uuid4().hex}", work)


def test_an_undeclared_field_is_refused(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        with pytest.raises(ValueError, match="colour"):
            await store.find(THINGS, {"colour": "red"})

    use(work)


def test_deletes(use: Callable[[Use], None]) -> None:
    async def work(store: Store) -> None:
        await store.put(THINGS, {"a": {"kind": "x"}, "b": {"kind": "x"}})
        await store.delete(THINGS, ["a", "absent"])
        assert list(await store.get(THINGS, ["a", "b"])) == ["b"]

    use(work)


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(ValueError, match="PENDLER_STORE"):
        open_store("floppy://a", "contract")
