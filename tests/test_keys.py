"""Keys: they end when they should, and a new one overlaps the old."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pendler.store import Store, open_store
from services.ingest import keys

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_key_ends_and_its_successor_overlaps_it(tmp_path: Path) -> None:
    async def case(store: Store) -> None:
        async def works(key: str, at: datetime, feed: str | None = None) -> bool:
            return await keys.source_of(store, key, feed, at) == "se"

        lasting = await keys.create(store, "se", ["se_jobtech"], NOW)
        ending = await keys.create(store, "se", [], NOW, NOW + DAY)
        assert await works(lasting, NOW + 9999 * DAY)
        assert [await works(ending, NOW + share * DAY) for share in (0, 0.9, 1, 2)] == [True, True, False, False]

        identity = lasting.split("_")[1]
        successor = await keys.rotate(store, identity, NOW, 7 * DAY)
        assert successor is not None
        assert [await works(lasting, NOW + days * DAY) for days in (0, 6, 7)] == [True, True, False]
        assert await works(successor, NOW + 99 * DAY, "se_jobtech")
        assert not await works(successor, NOW, "no_nav"), "it does what the older one did, and no more"
        assert await keys.rotate(store, identity, NOW + 8 * DAY, DAY) is None
        assert await keys.rotate(store, "never", NOW, DAY) is None

    async def run() -> None:
        store = open_store(f"file:{tmp_path}", "ingest")
        await case(store)
        await store.close()

    asyncio.run(run())
