"""Whether the engines answer and are as they must be: at the start of a process, and for `pendler doctor`."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from pendler.bus import Bus
from pendler.service import Misconfigured, Service, Unavailable
from pendler.settings import Settings

log = structlog.get_logger()
Check = Callable[[], Awaitable[str]]
AGAIN = 2.0
PATIENCE = 10.0
ROOM = 500_000_000
PATCHED = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
"""The first releases of Python without the header injection of CVE-2026-1299."""


@dataclass(frozen=True)
class Finding:
    """What one check came to. `wrong`: nothing works until somebody has done what `told` says."""

    what: str
    told: str
    wrong: bool = False


async def answering(checks: Mapping[str, Check], troubles: dict[str, str], stop: asyncio.Event) -> None:
    """Waits until every engine answers; meanwhile `troubles` names those that do not.

    Raises:
        Misconfigured: one never will as it is; says what to do.
    """
    for name, check in checks.items():
        while not stop.is_set() and (away := await _away(check)):
            troubles[name] = away
            log.warning("waiting for an engine", engine=name, away=away)
            await asyncio.sleep(AGAIN)
        troubles.pop(name, None)


async def refuse_wrong(checks: Mapping[str, Check]) -> None:
    """Lets pass what is away, for it may come back while the rest works.

    Raises:
        Misconfigured: an engine never will be right as it is; says what to do.
    """
    await asyncio.gather(*(_away(check) for check in checks.values()))


async def _away(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), PATIENCE)
    except (Unavailable, TimeoutError) as away:
        return str(away) or "no answer"
    return ""


def checks_of(services: Sequence[Service], bus: Bus) -> dict[str, Check]:
    """The check of every engine, by name: `bus`, `store of search`."""
    own = {f"{name} of {one.name}": check for one in services for name, check in one.checks.items()}
    return {"bus": bus.check, **own}


async def examine(name: str, check: Check) -> Finding:
    """Asks one engine."""
    try:
        return Finding(name, await asyncio.wait_for(check(), PATIENCE))
    except (Unavailable, Misconfigured, TimeoutError) as error:
        return Finding(name, str(error) or f"no answer within {PATIENCE:.0f} s", wrong=True)


def examine_machine(settings: Settings) -> Iterator[Finding]:
    """Python, the home, the room on its disk."""
    version = sys.version_info
    if version.micro < PATCHED.get(version[:2], 0):
        fixed = ".".join(map(str, (*version[:2], PATCHED[version[:2]])))
        told = f"{sys.version.split()[0]}; {fixed} mends header injection in mails, which Pendler guards against itself"
        yield Finding("python", told)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            free = shutil.disk_usage(settings.home).free
    except OSError as error:
        told = f"{settings.home} cannot be written to: {error.strerror}. Set PENDLER_HOME to a folder of this user's"
        yield Finding("home", told, wrong=True)
    else:
        told = f"{settings.home.resolve()}, {free // 1_000_000:,} MB free"
        yield Finding("home", told if free > ROOM else f"{told}: too little, make room", wrong=free <= ROOM)
    if settings.public_url and not settings.secret.get_secret_value():
        told = f"made by itself, in {settings.home / 'secret'}; on several machines set the same PENDLER_SECRET on all"
        yield Finding("secret", told)
