"""A mail server for faults: takes mail into a folder that `/outbox` can show, and misbehaves when it is told to."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session

from bench.engines import free_ports


class Mood(StrEnum):
    """How the server takes the next mails."""

    WELL = "well"
    REFUSES = "puts everything off"
    HANGS = "hangs"
    DROPS = "takes the mail and drops the reply after the final dot"


class Mailbox:
    """One file a mail that was taken; taking it twice is two."""

    def __init__(self, folder: Path, lost: float = 0.0, seed: int = 0) -> None:
        self.mood, self._folder, self._count = Mood.WELL, folder, 0
        self._lost, self._chance = lost, random.Random(seed)

    async def handle_DATA(self, server: Any, _: Session, envelope: Envelope) -> str:  # noqa: N802 - so it is called
        if self.mood is Mood.REFUSES:
            return "451 not now"
        if self.mood is Mood.HANGS:
            await asyncio.sleep(30)
            return "451 too late"
        self._take(envelope.original_content or b"")
        if self.mood is Mood.DROPS or self._chance.random() < self._lost:
            server.transport.abort()
        return "250 taken"

    def _take(self, content: bytes) -> None:
        self._count += 1
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / ".part"
        part.write_bytes(content)
        part.rename(self._folder / f"{time.time_ns()}-{self._count}.eml")


@contextmanager
def mailbox(folder: Path, lost: float = 0.0, seed: int = 0) -> Iterator[tuple[Mailbox, str]]:
    """The server on loopback, and the URL by which mail reaches it. `lost`: the share of replies that it drops."""
    taking = Mailbox(folder, lost, seed)
    controller = Controller(taking, hostname="127.0.0.1", port=free_ports(), enable_SMTPUTF8=True)
    controller.start()
    try:
        yield taking, f"smtp://127.0.0.1:{controller.port}?rate=500"
    finally:
        controller.stop()
