"""Reading hostile input once, at the edge: clean text, addresses, identifiers, hardened XML.

What cannot be read at all raises a `Flaw`.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from lxml import etree

from schemas.event import Reason, Severity
from services.ingest.feed import Flaw

T = TypeVar("T")
Read: TypeAlias = tuple[T | None, Reason | None]
"""A value, or none and, where one was stated but cannot be used, the warning that says why."""
Reader: TypeAlias = Callable[[str | None, str], Read[T]]
"""Reads what is written at a place."""
Element: TypeAlias = etree._Element

# Most texts hold nothing else, and need no second look.
_CLEAN = re.compile(
    "[\n\t -~\xa0-\u02ff\u038e-\u03ff\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf]*+"
)
_NEWLINE = re.compile("\r\n?|[\u2028\u2029]")
_UNWANTED = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f"  # control
    "\u061c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # bidi and other invisible marks
    "\ufff9-\ufffc\ufffe\uffff\ud800-\udfff]"  # no characters at all
)
_MARKS = re.compile(r"[^\w\s\x00-\x7f]{9,}")
_ADDRESS = re.compile(r"(?i:https?)://[^\s/?#<>\"\\]+(?:[/?#][^\s<>\"\\]*)?")
_MAILTO = re.compile(r"(?i)^mailto:")
_MAILBOX = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@[\w.-]{1,190}\.\w{2,63}")


def warning(rule: str, at: str, value: object = None, hint: str = "") -> Reason:
    """The reason why a value counts as absent though its record is published."""
    shown = None if value is None else str(value)[:80]
    return Reason(rule=rule, at=at, value=shown, severity=Severity.WARNING, hint=hint)


def clean(text: str, limit: int = 100_000) -> str:
    """`text` in NFC, trimmed and bounded, without control and bidi characters; newline and tab stay."""
    text = text[:limit]
    if not (_western(text) or _CLEAN.fullmatch(text)):
        text = _UNWANTED.sub("", _NEWLINE.sub("\n", text))
        text = unicodedata.normalize("NFC", _MARKS.sub(_few_marks, text))[:limit]
    return text.strip()


def _western(text: str) -> bool:
    """Whether a text has printable characters of Latin-1 only: most have, and this is seen at once."""
    bare = text.replace("\n", "").replace("\t", "").replace("\xa0", "")
    if bare.isascii():
        return bare.isprintable()
    try:
        bare.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return bare.isprintable()


def _few_marks(run: re.Match[str]) -> str:
    """At most eight combining marks of a run: normalising costs the square of their number."""
    marks = [n for n, character in enumerate(run[0]) if unicodedata.combining(character)]
    surplus = frozenset(marks[8:])
    return "".join(character for n, character in enumerate(run[0]) if n not in surplus)


def web_address(text: str | None, at: str) -> Read[str]:
    """An absolute http or https address."""
    found = clean(text or "", 2001)
    if not found:
        return None, None
    if len(found) > 2000 or not _ADDRESS.fullmatch(found):
        return None, warning("url-unreadable", at, found, "an absolute http or https address")
    scheme, rest = found.split(":", 1)
    return f"{scheme.lower()}:{rest}", None


def mailbox(text: str | None, at: str) -> Read[str]:
    """An e-mail address, with or without `mailto:`."""
    found = _MAILTO.sub("", clean(text or "", 500))
    if not found:
        return None, None
    if not _MAILBOX.fullmatch(found):
        return None, warning("email-unreadable", at, found, "one address: name@example.org")
    return found, None


def readable_id(value: object) -> str | None:
    """The identifier in `value` if it is one: 1 to 200 printable characters, a text or a whole number."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if 0 < len(text) <= 200 and text.isprintable() and max(text) < "\ufffd" else None


def external_id(value: object, at: str) -> str:
    """The identifier a record cannot do without."""
    if found := readable_id(value):
        return found
    if value is None or value == "":
        raise Flaw("id-missing", at, hint="every record needs the identifier its source knows it by")
    raise Flaw("id-unusable", at, value, "an identifier is 1 to 200 printable characters")


def xml_document(raw: bytes) -> Element:
    """The root of an XML document that has no document type, no entities and nothing from outside."""
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        rule = "xml-entity" if "entity" in error.msg.lower() else "xml-syntax"
        line, column = error.position
        raise Flaw(rule, f"line {line} column {column}", hint=error.msg[:200].strip()) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Flaw("xml-entity", "line 1", hint="no document type and no entities, please")
    return root
