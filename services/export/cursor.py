"""A place in the change feed: how far its reader has read each partition, of which epoch, with which filters."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from pendler.bus import Span

LASTS = 28 * 86_400.0
"""Seconds that a cursor holds: two days less than the stubs of closed vacancies stay, which its reader must see."""


class Gone(Exception):
    """What lies between the cursor and now is no longer all there. Says why."""


@dataclass(frozen=True)
class Cursor:
    """`upto` is the last offset read of each partition, `asked` a digest of the filters, `at` when it was given."""

    epoch: str
    asked: str
    at: float
    upto: Mapping[int, int]

    def __str__(self) -> str:
        packed = orjson.dumps([self.epoch, self.asked, round(self.at), list(self.upto.items())])
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def check(self, span: Span, now: float) -> None:
        """Raises:
        Gone: it is of another epoch, or older than what is kept.
        """
        if self.epoch != span.epoch or any(at > span.last.get(part, -1) for part, at in self.upto.items()):
            raise Gone("This cursor is of another life of the exchange: its topics have been made anew since.")
        if now - self.at > LASTS:
            raise Gone(f"This cursor is older than {LASTS / 86_400:.0f} days, and what closed since may be forgotten.")


def read(text: str) -> Cursor:
    """The cursor in a text.

    Raises:
        ValueError: it is none.
    """
    try:
        epoch, asked, at, upto = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(str(epoch), str(asked), float(at), {int(part): int(offset) for part, offset in upto})
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise ValueError("This is no cursor. Use one from the last line of an answer as it stands.") from None
