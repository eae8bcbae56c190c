"""Mail servers for the tests: a real one (aiosmtpd), and ones that misbehave line by line, all on loopback."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

from bench.exchange import free_port


class Keeper:
    """Takes every message, and keeps it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_DATA(  # noqa: N802 - the server calls it so
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        self.messages.append(envelope.original_content)
        return "250 taken"


@dataclass(frozen=True)
class Server:
    """A mail server: where it listens, what has arrived."""

    address: str
    arrived: Callable[[], list[bytes]]


@contextmanager
def mail_server(**how: Any) -> Iterator[Server]:
    """A real server; `how` goes to aiosmtpd."""
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True, **how)
    controller.start()
    try:
        yield Server(f"127.0.0.1:{controller.port}", lambda: list(keeper.messages))
    finally:
        controller.stop()


Step = str | float | None
"""What a scripted server does at a step: says a line, waits so many seconds, or (None) hangs up."""
TALK: dict[str, Sequence[Step]] = {
    "greeting": ["220 here"],
    "EHLO": ["250-here\r\n250 8BITMIME"],
    "MAIL": ["250 ok"],
    "RCPT": ["250 ok"],
    "DATA": ["354 go on"],
    ".": ["250 taken"],
    "RSET": ["250 ok"],
    "NOOP": ["250 ok"],
    "QUIT": ["221 bye", None],
}


@dataclass
class Script:
    """A server that follows a script. Each time a command comes, its next answer is taken; the last one stays."""

    answers: dict[str, list[Sequence[Step]]]
    heard: list[str] = field(default_factory=list)

    def next(self, command: str) -> Sequence[Step]:
        own = self.answers.get(command)
        if own is None:
            return TALK.get(command, ["502 what?"])
        return own.pop(0) if len(own) > 1 else own[0]


class Talk(socketserver.StreamRequestHandler):
    """One connection to a scripted server."""

    def handle(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        going, in_data = self._say(script.next("greeting")), False
        while going and (raw := self.rfile.readline()):
            line = raw.decode().rstrip("\r\n")
            if in_data and line != ".":
                continue
            command = "." if in_data else line[:4].upper()
            script.heard.append(command)
            answer = script.next(command)
            in_data = answer == TALK["DATA"]
            going = self._say(answer)

    def _say(self, steps: Sequence[Step]) -> bool:
        """Whether the connection goes on."""
        for step in steps:
            if step is None:
                return False
            if isinstance(step, float):
                time.sleep(step)
            else:
                self.wfile.write(f"{step}\r\n".encode())
        return True


class Threads(socketserver.ThreadingTCPServer):
    """A connection, a thread; they end with the test."""

    daemon_threads = True
    block_on_close = False
    script: Script

    def handle_error(self, *_: object) -> None:
        """The other side hung up: as it should."""


@contextmanager
def scripted(**answers: list[Sequence[Step]]) -> Iterator[tuple[str, Script]]:
    """A server that misbehaves as told; `end` stands for the final dot. Gives its address and what it heard."""
    script = Script({("." if name == "end" else name): steps for name, steps in answers.items()})
    with Threads(("127.0.0.1", 0), Talk) as server:
        server.script = script
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", script
        finally:
            server.shutdown()
