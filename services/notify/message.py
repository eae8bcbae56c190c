"""A message of text and HTML with its headers, made as quickly as a digest of ten thousand needs it. Pure."""

import re
from collections.abc import Mapping
from email import policy
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

LONGEST_HEADER = 200
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def header_text(text: str) -> str:
    """Text that may stand in a header: one line, bounded, and no encoded word that a mail program would unpack."""
    return UNSAFE.sub(" ", text).replace("=?", "= ?").strip()[:LONGEST_HEADER]


class _AsGiven(EmailPolicy):
    """Takes headers in plain letters as they are: Python's policy parses each at every look, half of a mail's time."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        plain = isinstance(value, str) and value.isascii() and value.isprintable()
        return (name, value) if plain else super().header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:  # noqa: ARG002
        return value


AS_GIVEN = _AsGiven()


def message(plain: str, rich: str, headers: Mapping[str, str]) -> EmailMessage:
    """The parts come first: they would move all headers that are there."""
    made = EmailMessage(AS_GIVEN)
    made.set_content(plain)
    made.add_alternative(rich, subtype="html")
    for name, value in headers.items():
        made[name] = value
    made.policy = policy.default  # whoever reads it gets addresses, not text
    return made
