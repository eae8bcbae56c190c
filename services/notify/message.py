"""A message of text and HTML with its headers, made as quickly as a digest of ten thousand needs it. Pure."""

import re
from collections.abc import Mapping
from email import policy
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

LONGEST_HEADER = 200
LONGEST_LINE = 900
"""Bytes, of those 998 that mail allows. Links in headers must stay whole: Python would break longer ones."""
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def header_text(text: str) -> str:
    """Text that may stand in a header: one line, bounded, and no encoded word that a mail program would unpack."""
    return UNSAFE.sub(" ", text).replace("=?", "= ?").strip()[:LONGEST_HEADER]


class _AsGiven(EmailPolicy):
    """Takes headers as they are: Python's policy parses each at every look, half of a mail's time.

    A subject in other letters is free text, and encoded as a whole when it is written. Text goes as it is, too, where
    no line of it is too long for that.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        line = isinstance(value, str) and value.isprintable() and (value.isascii() or name == "Subject")
        return (name, value) if line else super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if type(value) is str and not value.isascii():  # what was parsed is more than a text
            words = Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {words}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)

    def header_max_count(self, name: str) -> int | None:  # noqa: ARG002 - `message` names each once
        return None

    def header_fetch_parse(self, name: str, value: Any) -> Any:  # noqa: ARG002
        return value


AS_GIVEN = _AsGiven(max_line_length=LONGEST_LINE)
LINES = AS_GIVEN.clone(linesep="\r\n")
"""How a message is written."""


def message(plain: str, rich: str, headers: Mapping[str, str], boundary: str) -> EmailMessage:
    """The parts come first: they would move all headers that are there. `boundary` is a line that is in neither.

    Left to itself, Python looks for one through every message.
    """
    made = EmailMessage(AS_GIVEN)
    made.set_content(plain)
    made.add_alternative(rich, subtype="html")
    made.set_boundary(boundary)
    for name, value in headers.items():
        made[name] = value
    return made


def address(message: EmailMessage, header: str) -> str:
    """The bare address in a header, `""` where there is none."""
    found = policy.default.header_factory(header, str(message[header] or "")).addresses
    return str(found[0].addr_spec) if found else ""
