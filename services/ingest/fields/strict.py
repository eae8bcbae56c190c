"""Reading hostile input once, at the edge: strict JSON, hardened XML, clean text.

What cannot be read at all raises a `Flaw`. What spoils one record only (a member named twice, a number that
no field can hold, NUL) stays in that record, where `blemish` finds it: its neighbours are not refused.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

import orjson
from lxml import etree

from schemas.event import Reason, Severity
from services.ingest.feed import Flaw, Item

T = TypeVar("T")
Read: TypeAlias = tuple[T | None, Reason | None]
"""A value, or none and, where one was stated but cannot be used, the warning that says why."""
Reader: TypeAlias = Callable[[str | None, str], Read[T]]
"""Reads what is written at a place."""
Element: TypeAlias = etree._Element

DEPTH = 32
_DIGITS = 18
_NUL = "\\u0000"
_UNFIT = re.compile("[\0\ud800-\udfff]")
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
    found = re.sub(r"(?i)^mailto:", "", clean(text or "", 500))
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


class Members(dict[str, object]):
    """A JSON object that remembers a name it was given twice."""

    repeated: str | None = None


class Unreadable:
    """What orjson will not write again: a number that no field can hold, a value whose name came twice."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def json_document(raw: bytes) -> object:
    """The JSON document in `raw`: UTF-8, with or without a byte-order mark."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_members,
            parse_constant=Unreadable,
            parse_float=_fraction,
            parse_int=_whole,
        )
    except UnicodeDecodeError as error:
        raise Flaw("encoding", f"byte {error.start}", raw[error.start : error.end], "send UTF-8") from error
    except json.JSONDecodeError as error:
        near = error.doc[error.pos : error.pos + 40]
        raise Flaw("json-syntax", f"line {error.lineno} column {error.colno}", near, error.msg) from error
    except RecursionError as error:
        raise Flaw("json-depth", "", hint=f"at most {DEPTH} levels in a record") from error


def _members(pairs: list[tuple[str, object]]) -> Members:
    made = Members(pairs)
    if len(made) < len(pairs):
        made.repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        made[made.repeated] = Unreadable(str(made[made.repeated])[:80])
    return made


def _whole(text: str) -> int | Unreadable:
    return int(text) if len(text) <= _DIGITS else Unreadable(text[:80])


def _fraction(text: str) -> float | Unreadable:
    return Unreadable(text[:80]) if len(text) > 60 or abs(float(text)) >= 1e18 else float(text)


def blemish(value: object, depth: int = 0) -> Reason | None:
    """The first thing that makes a JSON value unfit to be read, with a pointer to it."""
    if isinstance(value, str):
        return _unfit_text(value)
    if isinstance(value, Unreadable):
        return Flaw("json-number", "", value.text, "a number of at most 18 digits; no NaN, no Infinity").reason
    if isinstance(value, Members):
        if value.repeated is not None:
            return Flaw("json-duplicate-key", _step(value.repeated), hint="a member may be given once").reason
        return _first_blemish(value.items(), depth)
    return _first_blemish(enumerate(value), depth) if isinstance(value, list) else None


def _first_blemish(children: Iterable[tuple[str | int, object]], depth: int) -> Reason | None:
    if depth == DEPTH:
        return Flaw("json-depth", "", hint=f"at most {DEPTH} levels in a record").reason
    for name, child in children:
        found = (_unfit_text(name) if isinstance(name, str) else None) or blemish(child, depth + 1)
        if found:
            return found.model_copy(update={"at": _step(name) + found.at})
    return None


def _unfit_text(text: str) -> Reason | None:
    if _UNFIT.search(text):
        return Flaw("json-character", "", ascii(text), "no NUL and no half of a surrogate pair").reason
    return None


def _step(name: str | int) -> str:
    escaped = str(name).replace("~", "~0").replace("/", "~1")
    return "/" + escaped[:60].encode(errors="replace").decode()


def json_item(record: object, identifier: object) -> Item:
    """One record of a JSON delivery, marked as flawed where something in it is unfit."""
    known = readable_id(identifier)
    if not isinstance(record, Members):
        flaw = Flaw("record-not-an-object", "", record, "each record is a JSON object").reason
        return Item(known, _kept(record), flaw)
    try:
        body = orjson.dumps(record).decode()
    except TypeError:  # what is unfit cannot be written again
        return Item(known, _kept(record), blemish(record))
    if _NUL in body or not _shallow(record):
        return Item(known, body, blemish(record))
    return Item(known, body)


def _shallow(record: dict[str, object]) -> bool:
    """Whether a record has few enough levels of lists and objects."""
    level: list[dict[str, object] | list[object]] = [record]
    for _ in range(DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
        if not level:
            return True
    return False


def _kept(record: object) -> str:
    try:
        return json.dumps(record, default=lambda unreadable: unreadable.text)
    except RecursionError:
        return ""


def json_record(body: str) -> dict[str, object]:
    """The one record in the body of an item, in which nothing unfit was found when it was cut out."""
    try:
        record = None if _NUL in body else orjson.loads(body)
    except orjson.JSONDecodeError:
        record = None
    if isinstance(record, dict):
        return record
    members = json_document(body.encode(errors="replace"))
    if not isinstance(members, Members):
        raise Flaw("record-not-an-object", "", members, "each record is a JSON object")
    if flaw := blemish(members):
        raise Flaw(flaw.rule, flaw.at, flaw.value, flaw.hint)
    return members


def json_lines(raw: bytes) -> list[bytes]:
    """The lines of newline-delimited JSON; none where the delivery is one document."""
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip()
    if raw[:3].split() in ([b"{"], [b"["]):  # laid out over many lines
        return []
    lines = [line for line in raw.split(b"\n") if line.strip()]
    whole = sum(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines)
    return lines if len(lines) > 1 and 2 * whole >= len(lines) else []


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
