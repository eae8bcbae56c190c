"""Mail on one machine: a folder with one .eml a message, which `/outbox` shows. Each sending is a file of its own."""

import asyncio
import os
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BufferedWriter
from pathlib import Path

from pendler.service import Misconfigured, Unavailable
from services.notify.message import LINES


class Outbox:
    """See `services.notify.mail.Mail`."""

    at_once = 32
    patience = 10.0

    def __init__(self, directory: str) -> None:
        self._folder = Path(directory)

    async def ready(self) -> None:
        """A folder takes whatever comes."""

    async def send(self, identity: str, message: EmailMessage) -> None:
        try:
            await asyncio.to_thread(self._write, f"{time.time_ns()}-{identity}", message.as_bytes(policy=LINES))
        except OSError as error:
            raise Unavailable(f"the outbox {self._folder}: {error}") from error

    def _write(self, name: str, content: bytes) -> None:
        partial = self._folder / f".{name}"
        with self._opened(partial) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._folder / f"{name}.eml")

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
