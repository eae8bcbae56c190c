"""The web process's application in a test's own process: asked in milliseconds, and no worker runs."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from pendler.bus import open_bus
from pendler.run import modules
from pendler.settings import Settings
from pendler.store import open_store
from pendler.web import web_app
from services.ingest import keys
from services.ingest.state import SETTLEMENTS, TRANSFERS, VACANCIES

JOBTECH = "se_jobtech"


class Site:
    """The application on a home of its own, and the key of a source `se`."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, secret="s" * 40, now=datetime(2026, 11, 23, 8, tzinfo=UTC))
        self.runner = asyncio.Runner()
        self.bus = open_bus(self.settings.url_of("bus"))
        self._services = [module.from_settings(self.settings, self.bus) for module in modules().values()]
        self._app = web_app(self._services)
        self.store = open_store(self.settings.url_of("store"), "ingest")
        self.key = self.runner.run(keys.create(self.store, "se", [], self.settings.clock()))

    def ask(self, method: str, path: str, client: tuple[str, int] = ("127.0.0.1", 1), **given: Any) -> Response:
        async def asked() -> Response:
            transport = ASGITransport(self._app, client=client)
            async with AsyncClient(transport=transport, base_url="http://example.org") as asking:
                return await asking.request(method, path, **given)

        return self.runner.run(asked())

    def dry_run(self, body: bytes, feed: str = JOBTECH, key: str = "") -> Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return self.ask("POST", f"/v1/sources/se/feeds/{feed}/records?dry_run=true", content=body, headers=headers)

    def kept(self) -> int:
        """All that could have been kept: records on the bus, settlements, transfers, vacancies."""

        async def count() -> int:
            spans = [await self.bus.span(topic) for topic in ("record.received.v1", "vacancy.normalised.v1")]
            counts = [await self.store.count(where, {}) for where in (SETTLEMENTS, TRANSFERS, VACANCIES)]
            return sum(counts) + sum(last + 1 for span in spans for last in span.last.values())

        return self.runner.run(count())

    def close(self) -> None:
        closing: list[Callable[[], Awaitable[None]]] = [one.close for one in self._services]
        for close in (*closing, self.store.close, self.bus.close):
            self.runner.run(_awaited(close))
        self.runner.close()


async def _awaited(close: Callable[[], Awaitable[None]]) -> None:
    await close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Site]:
    """One for a whole file of tests."""
    home = tmp_path_factory.mktemp("site")
    shutil.copy(places_file, home / "places.db")
    opened = Site(home)
    yield opened
    opened.close()
