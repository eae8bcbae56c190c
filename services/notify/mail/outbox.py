"""Mail on one machine: a folder with one .eml a message, which `/outbox` shows. Each sending is a file of its own."""

import asyncio
import os
import time
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BufferedWriter
from pathlib import Path

from pendler.service import Misconfigured, Unavailable
from services.notify.message import LINES
from services.notify.turns import Turns


class Outbox:
    """See `services.notify.mail.Mail`."""

    at_once = 64
    patience = 10.0

    def __init__(self, directory: str) -> None:
        self._folder = Path(directory)
        self._writes = Turns(self._write_all)

    async def ready(self) -> None:
        """A folder takes whatever comes."""

    async def send(self, identity: str, message: EmailMessage) -> None:
        trouble = await self._writes.of(f"{time.time_ns()}-{identity}", message.as_bytes(policy=LINES))
        if trouble:
            raise Unavailable(f"the outbox {self._folder}: {trouble}") from trouble

    async def _write_all(self, contents: Mapping[str, bytes]) -> dict[str, OSError | None]:
        """What is in the way of each, if anything is. To change threads for each would take longer than to write it."""
        return await asyncio.to_thread(lambda: {name: self._write(name, one) for name, one in contents.items()})

    def _write(self, name: str, content: bytes) -> OSError | None:
        partial = self._folder / f".{name}"
        try:
            with self._opened(partial) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._folder / f"{name}.eml")
        except OSError as error:
            return error
        return None

    def _opened(self, path: Path) -> BufferedWriter:
        try:
            return path.open("wb")
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            return path.open("wb")

    async def check(self) -> str:
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"the outbox {self._folder}: {error}") from error
        if not os.access(self._folder, os.W_OK):
            raise Misconfigured(f"the outbox {self._folder} cannot be written to: make it writable for this user")
        return f"outbox folder, {self._folder}"

    async def fate(self, identity: str) -> bool | None:
        return any(self._folder.glob(f"*-{identity}.eml"))

    def expire(self, before: float) -> None:
        """Removes the messages that were written before that time."""
        for path in self._folder.glob("[0-9]*.eml"):
            if int(path.name.partition("-")[0]) < before * 1e9:
                path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Nothing is open."""

    def names(self) -> list[str]:
        """The messages there are, newest first."""
        return sorted((path.stem for path in self._folder.glob("[0-9]*.eml")), reverse=True)

    def read(self, name: str) -> EmailMessage | None:
        """One message; None where there is none of that name."""
        path = self._folder / f"{name}.eml"
        if path.parent != self._folder or name not in self.names():
            return None
        return message_from_bytes(path.read_bytes(), policy=policy.default)
