"""Mail relays for the tests: a real one (aiosmtpd), and ones that do to us what relays on the net do."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

USER, PASSWORD = "pendler", "p/w:@?#%"
QUOTED = "p%2Fw%3A%40%3F%23%25"


class Taken:
    """Keeps what aiosmtpd has taken."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.peers: set[Any] = set()

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.envelopes.append(envelope)
        self.peers.add(session.peer)
        return "250 OK"

    @property
    def contents(self) -> list[bytes]:
        return [bytes(envelope.content or b"") for envelope in self.envelopes]


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False, message=None if known else "535 5.7.8 unknown")


@contextmanager
def relay(context: ssl.SSLContext | None = None, implicit: bool = False) -> Iterator[tuple[int, Taken]]:
    """aiosmtpd on a free port; with a context it wants TLS and a login."""
    taken, tls = Taken(), dict[str, Any]()
    if context:
        tls = {"auth_required": not implicit, "authenticator": login, "auth_require_tls": not implicit}
        tls |= {} if implicit else {"tls_context": context, "require_starttls": True}
    loop = asyncio.new_event_loop()

    def factory() -> SMTP:
        return SMTP(taken, hostname="relay", enable_SMTPUTF8=True, loop=loop, **tls)

    server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0, ssl=context if implicit else None))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], taken
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Those who still talk are cut off."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()  # type: ignore[union-attr]
    await asyncio.gather(*others, return_exceptions=True)  # type: ignore[arg-type]
    await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and the certificate of 127.0.0.1, which nobody but itself vouches for."""
    file = tmp_path_factory.mktemp("tls") / "relay.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=relay"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


HANG, DROP, DRIP = "hang", "drop", "drip"
POLITE = {
    "greeting": "220 relay",
    "EHLO": "250-relay\r\n250-8BITMIME\r\n250 SIZE 99999999",
    "NOOP": "250 ok",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "body": "",
    "dot": "250 taken",
    "QUIT": "221 bye",
}


@dataclass
class Hostile:
    """Answers each step as it is told; a step may have several answers, one a turn, of which the last stays."""

    answers: Mapping[str, list[str]]
    port: int = 0
    connections: int = 0
    steps: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            going = await self._answer("greeting", writer)
            while going and (line := await reader.readline()):
                verb = line[:4].decode().upper()
                going = await self._answer(verb, writer)
                if going and verb == "DATA" and self.steps.count("DATA"):
                    going = await self._body(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(100)
        if not await self._answer("body", writer):
            return False
        self.bodies.append(await reader.readuntil(b"\r\n.\r\n"))
        return await self._answer("dot", writer)

    async def _answer(self, step: str, writer: asyncio.StreamWriter) -> bool:
        """Whether it goes on after that."""
        self.steps.append(step)
        answers = self.answers.get(step, [POLITE[step]])
        answer = answers[min(self.steps.count(step), len(answers)) - 1]
        if answer == HANG:
            await asyncio.sleep(3600)  # the loop holds on to who waits so; of an event, nobody would
        while answer == DRIP:
            writer.write(b"2")
            await asyncio.sleep(0.05)
            await writer.drain()
        if answer and answer != DROP:
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()
        return answer not in (DROP, "354 nothing")


@asynccontextmanager
async def hostile(**answers: str | list[str]) -> AsyncIterator[Hostile]:
    """A relay that is polite but for these steps."""
    one = Hostile({step: [told] if isinstance(told, str) else told for step, told in answers.items()})
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, limit=1 << 26)
    one.port = server.sockets[0].getsockname()[1]
    before = asyncio.all_tasks()
    try:
        yield one
    finally:
        server.close()
        for task in asyncio.all_tasks() - before:
            task.cancel()
        await asyncio.sleep(0)
