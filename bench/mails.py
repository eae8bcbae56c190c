"""Mails a second, from pending in the ledger to sent: into a folder, and to a relay in a process of its own."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.engines import free_ports
from pendler.settings import Settings
from pendler.store import Store, open_store
from schemas.query import Query
from services.notify import ledger
from services.notify.gathering import gather
from services.notify.mail import open_mail
from services.notify.sender import Sender
from services.notify.state import MAILS, SUBSCRIPTIONS, MailState, State, match_key, subscription

COUNT = 600
ITEM = {
    "title": "Lasser", "language": "nl", "employer": "Werf NV", "places": [("Gent", "BE")], "km": 3.0,
    "why": ["lasser"], "occupation": None, "pay": None, "apply_by": None, "published": 1.0, "demonstration": False,
}  # fmt: skip


def mails(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:  # noqa: ARG001
    """Every mail is written, claimed, sent and booked, as in the service; each tells of one vacancy."""
    folder.mkdir(parents=True, exist_ok=True)
    yield from _measured("mail/folder", f"file:{folder / 'mail'}", folder / "folder.db")
    with relay() as port:
        for connections in (1, 4):
            url = f"smtp://127.0.0.1:{port}?connections={connections}"
            yield from _measured("mail/smtp", url, folder / f"{connections}.db", connections=connections)


def _measured(name: str, url: str, store: Path, **told: Any) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    seconds = asyncio.run(_send_all(url, store))
    yield name, COUNT / seconds, "mails/s", {"mails": COUNT, "store": "sqlite", **told}


async def _send_all(url: str, path: Path) -> float:
    store, mail = open_store(f"file:{path.parent}", path.stem), open_mail(url)
    settings = Settings(secret=SecretStr("key"))
    await _fill(store, settings)
    sender, began = Sender(store, mail, settings), time.perf_counter()
    while await store.count(MAILS, {"state": MailState.PENDING}):
        await sender.send_all()
    seconds = time.perf_counter() - began
    assert await store.count(MAILS, {"state": MailState.SENT}) == COUNT
    await mail.close()
    await store.close()
    return seconds


async def _fill(store: Store, settings: Settings) -> None:
    for n in range(COUNT):
        one = subscription(f"reader{n}@example.org", "nl", Query(q="lasser"), None, settings.clock(), "key")
        await store.put(SUBSCRIPTIONS, {one.id: {**one.document(), "state": State.ACTIVE}})
        match = {"subscription": one.id, "ref": "x:1", "item": {**ITEM, "ref": "x:1"}, "matched_at": 1.0, "due": 1.0}
        await ledger.record(store, {match_key(one.subscriber, "x:1", 1): match})
    while await store.count(MAILS) < COUNT:
        await gather(store, time.time())


@contextmanager
def relay() -> Iterator[int]:
    """A relay that takes everything and keeps nothing."""
    port = free_ports()
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", "-c", "aiosmtpd.handlers.Sink"]
    process = subprocess.Popen(command)
    try:
        asyncio.run(_up(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def _up(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
