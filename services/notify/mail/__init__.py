"""Mail: one message at a time, and the truth about what became of it. A port of notify alone.

    Refused    the message will never be taken: failed
    Lost       it may or may not have been taken: ambiguous, never sent again by itself

`Unavailable` means that nothing was begun.
"""

from email import policy
from email.message import EmailMessage
from typing import Protocol

from pendler.service import Misconfigured

LINES = policy.SMTP.clone(max_line_length=900)
"""Links in headers must stay whole: Python would break a longer line by encoding it."""


class Refused(Exception):
    """The other side will not take this message, now or later."""


class Lost(Exception):
    """The connection broke where the other side may have taken the message already."""


class Mail(Protocol):
    """A way for messages to leave. `tests/contracts/test_mail.py` is what each adapter must do."""

    async def send(self, identity: str, message: EmailMessage) -> None:
        """Sends; returns once the other side has taken it.

        Raises:
            Refused, Lost, pendler.service.Unavailable: see the module.
        """

    async def check(self) -> str:
        """What takes the mails, once it has answered.

        Raises:
            pendler.service.Misconfigured: it is there, but will not let us in.
        """

    async def fate(self, identity: str) -> bool | None:
        """Whether the message of that name was taken; None where nobody can know."""

    async def close(self) -> None:
        """Takes leave of the other side."""


def open_mail(url: str) -> Mail:
    """The way a URL names: `file:DIR`, an outbox; `smtp://` or `smtps://`, a mail server.

    Raises:
        Misconfigured: the scheme is not known.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from services.notify.mail.outbox import Outbox

        return Outbox(rest)
    if scheme in ("smtp", "smtps"):
        from services.notify.mail.smtp import Smtp

        return Smtp(url)
    raise Misconfigured(f"PENDLER_MAIL={url!r}: expected file:DIRECTORY or smtp://USER:PASSWORD@HOST:587")
