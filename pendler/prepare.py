"""What is made once under the home, before the first start: the secret, and the file of places."""

import sys
from multiprocessing import get_context

from pendler.places import build
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
    if not settings.places.exists():
        tell("First start: preparing places and postcodes (about ten seconds)")
        process = get_context("spawn").Process(target=build, args=(settings.places, tell))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError("the file of places could not be made; see above")
