"""Strict JSON. What cannot be read at all raises a `Flaw`.

What spoils one record only (a member named twice, a number that no field can hold, NUL) stays in that record,
where `blemish` finds it: its neighbours are not refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable

import orjson

from schemas.event import Reason
from services.ingest.feed import Flaw, Item
from services.ingest.fields.strict import readable_id

DEPTH = 32
_DIGITS = 18
_NUL = "\\u0000"
_UNFIT = re.compile("[\0\ud800-\udfff]")


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


def json_item(record: object, identifier: object, at: str = "") -> Item:
    """One record of a JSON delivery, which stands there; marked as flawed where something in it is unfit."""
    known = readable_id(identifier)
    if not isinstance(record, Members):
        flaw = Flaw("record-not-an-object", "", record, "each record is a JSON object").reason
        return Item(known, _kept(record), flaw, at)
    try:
        body = orjson.dumps(record).decode()
    except TypeError:  # what is unfit cannot be written again
        return Item(known, _kept(record), blemish(record), at)
    if _NUL in body or not _shallow(record, body):
        return Item(known, body, blemish(record), at)
    return Item(known, body, at=at)


def _shallow(record: dict[str, object], body: str) -> bool:
    """Whether a record, written as `body`, has few enough levels of lists and objects."""
    if body.count("{") + body.count("[") <= DEPTH:
        return True
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
    """The one record in the body of an item. What is written just as it was cut needs no second look."""
    raw = body.encode(errors="replace")
    try:
        record = orjson.loads(raw)
        if isinstance(record, dict) and _NUL not in body and orjson.dumps(record) == raw and _shallow(record, body):
            return record
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # the strict reader says what is wrong, and where
    members = json_document(raw)
    if not isinstance(members, Members):
        raise Flaw("record-not-an-object", "", members, "each record is a JSON object")
    if flaw := blemish(members):
        raise Flaw(flaw.rule, flaw.at, flaw.value, flaw.hint)
    return members


def json_lines(raw: bytes) -> list[tuple[int, bytes]]:
    """The lines of newline-delimited JSON with their numbers; none where the delivery is one document."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if raw.lstrip()[:3].split() in ([b"{"], [b"["]):  # laid out over many lines
        return []
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    whole = sum(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for _, line in lines)
    return lines if len(lines) > 1 and 2 * whole >= len(lines) else []
