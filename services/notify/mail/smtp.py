"""Mail on many machines: SMTP through aiosmtplib. A few connections are kept; what is refused for now is tried again.

What went wrong before the message itself was sent is `Unavailable`: nothing was begun. What went wrong after that,
with no answer, is `Lost`: the other side may have it (RFC 1047). A refusal for good is `Refused`.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import LINES, Lost, Refused

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OPTIONS = {"rate": 50.0, "connections": 4, "timeout": 20.0, "tls": -1}
"""What may be set behind the host: mails a second, connections, seconds to wait for an answer, STARTTLS (0: no)."""
RETRIES = (0.5, 1.0, 2.0, 4.0)
IDLE = 20.0
REFUSAL, TOO_MANY, FOR_GOOD = 400, 421, 500


class Smtp:
    """See `services.notify.mail.Mail`. `url` is `smtp[s]://[user:password@]host[:port][?rate=50&...]`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query))
        if not parts.hostname or (unknown := set(given) - set(OPTIONS)):
            told = f"unknown option {', '.join(sorted(unknown))}" if parts.hostname else "no host"
            raise Misconfigured(f"PENDLER_MAIL: {told}; expected smtp://USER:PASSWORD@HOST:587?{'&'.join(OPTIONS)}=...")
        options: dict[str, Any] = OPTIONS | {name: float(value) for name, value in given.items()}
        implicit = parts.scheme == "smtps"
        upgrades = not implicit and (parts.hostname not in LOOPBACK if options["tls"] < 0 else bool(options["tls"]))
        self._where = f"{parts.hostname}:{parts.port or (465 if implicit else 587)}"
        self._how: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or (465 if implicit else 587),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": implicit,
            "start_tls": upgrades,
            "timeout": options["timeout"],
        }
        self._pause = 1 / options["rate"]
        self._next = 0.0
        self._free = asyncio.Semaphore(int(options["connections"]))
        self._idle: list[tuple[SMTP, float]] = []

    async def send(self, identity: str, message: EmailMessage) -> None:  # noqa: ARG002 - its Message-ID names it
        for pause in (*RETRIES, None):
            await self._turn()
            try:
                return await self._once(message)
            except _ForNow as refusal:
                if pause is None:
                    raise Unavailable(f"{self._where} puts off: {refusal}") from refusal
                await asyncio.sleep(pause)
        return None

    async def _turn(self) -> None:
        """Waits for its turn: at most so many mails a second."""
        now = time.monotonic()
        self._next = max(self._next, now) + self._pause
        await asyncio.sleep(self._next - self._pause - now)

    async def _once(self, message: EmailMessage) -> None:
        async with self._free, self._connected() as client:
            with_8bit = client.supports_extension("8bitmime")
            content = message.as_bytes(policy=LINES if with_8bit else LINES.clone(cte_type="7bit"))
            sender, recipient = (parseaddr(str(message[name]))[1] for name in ("From", "To"))
            options = _options(client, with_8bit, recipient)
            try:
                await client.mail(sender, options=options, encoding="utf-8")
                await client.rcpt(recipient, encoding="utf-8")
            except (SMTPException, OSError) as error:
                await self._refused(client, error)
                raise Unavailable(f"{self._where}: {error!r}") from error
            await self._hand_over(client, content)

    async def _hand_over(self, client: SMTP, content: bytes) -> None:
        try:
            await client.data(content)
        except (SMTPException, OSError) as error:
            await self._refused(client, error)
            raise Lost(f"{self._where}: {error!r}") from error

    async def _refused(self, client: SMTP, answer: Exception) -> None:
        """Raises what a refusal means, and leaves the connection fit for the next mail; returns where it is none."""
        if not isinstance(answer, SMTPResponseException) or answer.code < REFUSAL:
            return
        try:
            if answer.code != TOO_MANY:
                await client.rset()
        except (SMTPException, OSError):
            client.close()
        told = f"{answer.code} {answer.message}"
        raise (_ForNow(told) if answer.code < FOR_GOOD else Refused(told)) from answer

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        """A connection, kept afterwards while it is good for another mail."""
        client = await self._reused() or await self._opened()
        understood = False
        try:
            yield client
            understood = True
        except (Refused, _ForNow):
            understood = True
            raise
        finally:
            if understood and client.is_connected:
                self._idle.append((client, time.monotonic()))
            else:
                client.close()

    async def _reused(self) -> SMTP | None:
        """One that still answers: servers close what is idle."""
        while self._idle:
            client, since = self._idle.pop()
            try:
                if client.is_connected and time.monotonic() - since < IDLE:
                    await client.noop()
                    return client
            except (SMTPException, OSError):
                pass
            client.close()
        return None

    async def _opened(self) -> SMTP:
        client = SMTP(**self._how)
        try:
            async with asyncio.timeout(2 * self._how["timeout"]):  # each answer has its own limit; a drip has this one
                await client.connect()
                await client.ehlo()
        except (SMTPException, OSError) as error:
            client.close()
            raise Unavailable(f"{self._where}: {error!r}") from error
        return client

    async def fate(self, identity: str) -> bool | None:  # noqa: ARG002 - nobody can know
        return None

    async def close(self) -> None:
        while self._idle:
            client, _ = self._idle.pop()
            with suppress(SMTPException, OSError):
                await client.quit()
            client.close()

    async def check(self) -> str:
        try:
            async with self._free, self._connected():
                return f"SMTP, {self._where}"
        except Unavailable as error:
            if isinstance(error.__cause__, SMTPAuthenticationError):
                raise Misconfigured(
                    f"{self._where} does not let us in: {error.__cause__}. See user and password in PENDLER_MAIL"
                ) from None
            if isinstance(error.__cause__, ssl.SSLError) or "STARTTLS" in str(error).upper():
                raise Misconfigured(
                    f"{self._where} offers no encryption that can be trusted: {error.__cause__}. Mend its certificate "
                    "or STARTTLS; smtps:// is for port 465"
                ) from None
            raise


class _ForNow(Exception):
    """The other side will not take it now, but may later (4xx)."""


def _options(client: SMTP, with_8bit: bool, recipient: str) -> list[str]:
    if recipient.isascii():
        return ["BODY=8BITMIME"] if with_8bit else []
    if not client.supports_extension("smtputf8"):
        raise Refused("the server takes no addresses with letters beyond ASCII")
    return ["SMTPUTF8", "BODY=8BITMIME"]
