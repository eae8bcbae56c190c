"""Mail by SMTP: handed to a relay over a few connections that are kept, so many a second.

A server answers for a message once it has the final dot. So what fails before the dot was not taken, and what is
lost between the dot and the answer to it is in doubt. Nothing here is tried twice: the ledger does that.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import Deferred, Lost, Refused
from services.notify.mail.way import Way
from services.notify.message import LINES, address

CONNECT = 20.0
BEFORE = 6.0
"""Up to the dot. Less than whoever ends a subscription waits for a mail in hand: none is begun after the answer."""
AFTER = 60.0
"""From the dot to the answer: a relay may look for viruses meanwhile."""
LEAVE = 2.0
DOT = b".\r\n"
UNKNOWN_SENDER = {530, 534, 535, 538}
"""The relay wants us to log in, or otherwise than we do: no fault of the message."""
CLOSING = 421
ADDRESS = re.compile(r"\S+@\S+")
LINE_END = re.compile(rb"\r\n|\r|\n")


class Relay:
    """See `services.notify.mail.Mail`."""

    def __init__(self, way: Way) -> None:
        self._way, self._idle, self._next = way, list[SMTP](), 0.0
        self.at_once, self.patience = way.options.connections, BEFORE + AFTER + LEAVE
        try:
            self._context = ssl.create_default_context(cafile=way.options.ca or None)
        except OSError as error:
            raise Misconfigured(f"PENDLER_MAIL: ca={way.options.ca}: {error.strerror or error}") from None

    async def ready(self) -> None:
        await self._pace()
        while self._idle:
            client = self._idle.pop()
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                async with _closed_unless_well(client), asyncio.timeout(BEFORE):
                    await client.noop()
                    self._idle.append(client)
                    return
        self._idle.append(await self._connected(CONNECT))

    async def _pace(self) -> None:
        if rate := self._way.options.rate:
            now = asyncio.get_running_loop().time()
            begins = max(self._next, now)
            self._next = begins + 1 / rate
            await asyncio.sleep(begins - now)

    async def send(self, identity: str, message: EmailMessage) -> None:  # noqa: ARG002 - it is in the Message-ID
        until = asyncio.get_running_loop().time() + BEFORE
        client = self._idle.pop() if self._idle else await self._connected(BEFORE)
        async with _closed_unless_well(client):
            with _not_taken():
                async with asyncio.timeout_at(until):
                    protocol = await _up_to_the_dot(client, message)
                protocol.write(DOT)
            with _in_doubt():
                async with asyncio.timeout(AFTER):
                    code, text = await protocol.read_response()
            if not 200 <= code < 300:
                raise _answer(code, text, Lost if code == CLOSING or code < 400 else Deferred)
        self._idle.append(client)

    async def check(self) -> str:
        client = await self._connect(CONNECT)
        tls = client.get_transport_info("cipher")
        await _leave(client)
        return f"SMTP, {self._way.name}, {tls[1] if tls else 'without TLS'}"

    async def fate(self, identity: str) -> bool | None:  # noqa: ARG002
        """Nobody can know."""
        return None

    async def close(self) -> None:
        while self._idle:
            await _leave(self._idle.pop())

    async def _connected(self, within: float) -> SMTP:
        """While it runs, a relay that will not let us in is one that is away: it may be set right meanwhile."""
        try:
            return await self._connect(within)
        except Misconfigured as wrong:
            raise Unavailable(str(wrong)) from wrong

    async def _connect(self, within: float) -> SMTP:
        way = self._way
        client = SMTP(
            hostname=way.host,
            port=way.port,
            username=way.user,
            password=way.password.get_secret_value(),
            use_tls=way.tls == "implicit",
            start_tls=way.tls == "starttls",
            tls_context=self._context,
            timeout=None,
        )
        try:
            async with _closed_unless_well(client), asyncio.timeout(within):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        except (SMTPException, OSError, TimeoutError) as error:
            raise self._trouble(error) from error
        return client

    def _trouble(self, error: Exception) -> Misconfigured | Unavailable:
        where, why = f"SMTP at {self._way.name}", _hidden(str(error)) or "no answer"
        if isinstance(error, ssl.SSLCertVerificationError) or isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return Misconfigured(f"{where}: {why}. If its authority is your own, add ?ca=FILE to PENDLER_MAIL")
        if isinstance(error, SMTPAuthenticationError) and error.code >= 500:
            return Misconfigured(f"{where} does not know us: {why}. Set user and password in PENDLER_MAIL")
        if type(error) is SMTPException:  # what aiosmtplib raises where a server has not what we ask for
            return Misconfigured(f"{where}: {why} PENDLER_MAIL asks for it")
        return Unavailable(f"{where}: {why}")


async def _up_to_the_dot(client: SMTP, message: EmailMessage) -> SMTPProtocol:
    """Hands over a message but for the dot that makes the server take it."""
    sender, to = (address(message, header) for header in ("From", "To"))
    international = not f"{sender}{to}".isascii()
    if international and not client.supports_extension("smtputf8"):
        raise Refused("the relay takes no address in other letters than ASCII")
    whole = client.supports_extension("8bitmime")
    options = ["BODY=8BITMIME"] * whole + ["SMTPUTF8"] * international
    await client.mail(sender, options=options, encoding="utf-8")
    await client.rcpt(to, encoding="utf-8")
    protocol = client.protocol
    code, text = await client.execute_command(b"DATA")
    if code != 354 or protocol is None or protocol.transport is None:
        raise SMTPResponseException(code, text)
    transport = protocol.transport
    assert isinstance(transport, asyncio.WriteTransport)
    policy = LINES.clone(cte_type="8bit" if whole else "7bit", utf8=international)
    protocol.write(_lines(message.as_bytes(policy=policy)))
    while transport.get_write_buffer_size():
        await asyncio.sleep(0.01)
    return protocol


def _lines(content: bytes) -> bytes:
    """As it is sent after DATA: no line ends otherwise than all, none begins with a single dot."""
    lines = LINE_END.sub(b"\r\n", content).removesuffix(b"\r\n") + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines)


@contextmanager
def _not_taken() -> Iterator[None]:
    try:
        yield
    except SMTPResponseException as reply:
        raise _answer(reply.code, reply.message, Deferred) from None
    except (SMTPException, OSError, TimeoutError) as error:
        raise Deferred(f"before the message was over: {error or 'no answer'}") from error
    except ValueError as error:
        raise Refused(f"it cannot be sent: {_hidden(str(error))}") from error


@contextmanager
def _in_doubt() -> Iterator[None]:
    try:
        yield
    except (SMTPException, OSError, TimeoutError) as error:
        raise Lost(f"after the message was over: {error or 'no answer'}") from error


def _answer(code: int, text: str, otherwise: type[Exception]) -> Exception:
    """What a server's answer means that is not the one hoped for."""
    told = f"{code} {_hidden(text)}"
    if code in UNKNOWN_SENDER:
        return Unavailable(f"the relay does not let us send: {told}")
    return Refused(told) if 500 <= code < 600 else otherwise(told)


def _hidden(text: str) -> str:
    """Servers quote whom they refuse; an address stands in its subscription and nowhere else."""
    return ADDRESS.sub("(address)", text)


@asynccontextmanager
async def _closed_unless_well(client: SMTP) -> AsyncIterator[None]:
    """A connection that has seen trouble is not used again."""
    well = False
    try:
        yield
        well = True
    finally:
        if not well and isinstance(client.transport, asyncio.WriteTransport):
            client.transport.abort()  # closing in order would wait for the other side
            client.close()


async def _leave(client: SMTP) -> None:
    transport = client.transport
    with contextlib.suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(LEAVE):
            await client.quit()
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()  # TLS would still wait for the other side's leave, and the loop may end before it
        await asyncio.sleep(0)
