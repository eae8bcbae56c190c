"""Mail: one message at a time, and the truth about what became of it. A port of notify alone.

    Refused    the message will never be taken: failed
    Deferred   it was not taken; it is tried again, later
    Lost       it may or may not have been taken: ambiguous, never sent again by itself

`Unavailable` means that nothing was begun, for this message or any other.
"""

from email.message import EmailMessage
from typing import Protocol

from pendler.service import Misconfigured


class Refused(Exception):
    """The other side will not take this message, now or later."""


class Deferred(Exception):
    """The other side has not taken this message, and may take it later."""


class Lost(Exception):
    """The connection broke where the other side may have taken the message already."""


class Mail(Protocol):
    """A way for messages to leave. `tests/contracts/test_mail.py` is what each adapter must do."""

    at_once: int
    """How many messages may be sent at the same time."""
    patience: float
    """Seconds that a message is in doubt at the most: `send` has ended by then, if its process lives."""

    async def ready(self) -> None:
        """Waits until one more message may leave. Whoever claims a mail first would let its lease run meanwhile.

        Raises:
            pendler.service.Unavailable: none may.
        """

    async def send(self, identity: str, message: EmailMessage) -> None:
        """Sends; returns once the other side has taken it.

        Raises:
            Refused, Deferred, Lost, pendler.service.Unavailable: see the module.
        """

    async def check(self) -> str:
        """What takes the mails, once it has answered.

        Raises:
            pendler.service.Misconfigured: it is there, but will not let us in.
        """

    async def fate(self, identity: str) -> bool | None:
        """Whether the message of that name was taken; None where nobody can know."""

    async def close(self) -> None:
        """Lets go of what is open."""


def open_mail(url: str) -> Mail:
    """The way a URL names: `file:DIR`, an outbox, or `smtp://USER:PASSWORD@HOST:587`; see `way.read`.

    Raises:
        Misconfigured: the URL is none of these.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from services.notify.mail.outbox import Outbox

        return Outbox(rest)
    if scheme in ("smtp", "smtps"):
        from services.notify.mail.smtp import Relay
        from services.notify.mail.way import read

        return Relay(read(url))
    raise Misconfigured(f"PENDLER_MAIL={scheme}:...: expected file:DIRECTORY or smtp://USER:PASSWORD@HOST:587")
