"""What every store must do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pendler.store import Collection, Range, Store, open_store

THINGS = Collection("things", ("kind", "at"))
Use = Callable[[Store], Awaitable[None]]


@pytest.fixture(params=["sqlite"])
def use(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Use], None]:
    """Runs something with a store; each call opens the same one anew, as a process would."""

    def run(work: Use) -> None:
        async def opened() -> None:
            store = open_store(f"file:{tmp_path}", "contract")
            try:
                await work(store)
            finally:
                await store.close()

        asyncio.run(opened())

    return run


def test_keeps_documents_over_processes(use: Callable[[Use], None]) -> None:
    async def write(store: Store) -> None:
        assert await store.put(THINGS, {"a": {"kind": "x", "text": "Æøå “”", "nested": {"n": [1, None, 2.5]}}}) == {"a"}

    async def read(store: Store) -> None:
        assert await store.get(THINGS, ["a", "absent"]) == {
            "a": {"kind": "x", "text": "Æøå “”", "nested": {"n": [1, None, 2.5]}}
        }

    use(write)
    use(read)


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
        assert await store.find(THINGS, {"kind": None}) == []

    use(work)


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
