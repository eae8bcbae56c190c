"""What is made once under the home, before the first start: the secret, and the file of places."""

import sys
from multiprocessing import get_context
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from pendler.place_file import build
from pendler.places import usable
from pendler.regions import outlines
from pendler.service import Misconfigured
from pendler.settings import Settings


def tell(line: str) -> None:
    """Progress goes to stderr."""
    print(line, file=sys.stderr, flush=True)


def prepare(settings: Settings) -> None:
    """Makes what is missing. The places in a process of their own, whose memory is given back.

    Raises:
        Misconfigured: the home cannot be written to.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        settings.make_secret()
    except OSError as error:
        raise Misconfigured(
            f"PENDLER_HOME={settings.home} cannot be written to: {error.strerror}. Set it to a folder of this user's"
        ) from None
    if not usable(settings.places):
        tell("Preparing places and postcodes, once (about ten seconds)")
        make_places(settings)


def make_places(settings: Settings) -> None:
    """Makes the file of places anew."""
    drawn = settings.regions if settings.regions.is_file() else None
    process = get_context("spawn").Process(target=build, args=(settings.places, tell, drawn))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the file of places could not be made; see above")


def import_regions(settings: Settings, file: Path) -> int:
    """Keeps the outlines of regions and makes the file of places with them; how many there are.

    Raises:
        BadRegions: the file is not Eurostat's GeoJSON of NUTS regions. Nothing has changed then.
    """
    found = sum(1 for _ in outlines(file))
    settings.home.mkdir(parents=True, exist_ok=True)
    partial = settings.home / "regions.partial"
    copyfile(file, partial)
    with TemporaryDirectory(dir=settings.home) as folder:
        build(Path(folder) / "places.db", tell, partial)
        partial.replace(settings.regions)
        (Path(folder) / "places.db").replace(settings.places)
    return found
