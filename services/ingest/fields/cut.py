"""Cutting a delivery into its records: JSON in whatever stands around it, rows of CSV, elements of XML."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import StringIO

from lxml import etree

from services.ingest.feed import Flaw, Item
from services.ingest.fields import strict, strict_json
from services.ingest.fields.record import Node, Notes
from services.ingest.fields.strict_json import Members

MOST_NAMESPACES = 50
MOST_COLUMNS = 200
QUOTE = '"'
MOST_LINES, MOST_CHARACTERS = 2000, 1_000_000
"""Of one row; more of them is a quote that was never closed."""


def json_cut(
    raw: bytes, within: Sequence[str], marks: Sequence[str], identify: Callable[[Members], object]
) -> Iterator[Item]:
    """The records of an answer, a list, one alone, or one on each line.

    `within` are the names that lists of records stand under, `marks` those that only a record has.
    """
    if lines := strict_json.json_lines(raw):
        for number, line in lines:
            yield _line(line, f"line {number}", identify)
    else:
        for at, found in _records(strict_json.json_document(raw), within, marks):
            yield _item(found, at, identify)


def _line(line: bytes, at: str, identify: Callable[[Members], object]) -> Item:
    try:
        return _item(strict_json.json_document(line), at, identify)
    except Flaw as flaw:
        return Item(None, strict.clean(line.decode(errors="replace")), flaw.reason, at)


def _item(found: object, at: str, identify: Callable[[Members], object]) -> Item:
    if isinstance(found, Members) and "_source" in found:
        found, at = found["_source"], at if at.startswith("line") else f"{at}/_source"
    return strict_json.json_item(found, identify(found) if isinstance(found, Members) else None, at)


def _records(document: object, within: Sequence[str], marks: Sequence[str], at: str = "") -> list[tuple[str, object]]:
    """The records, each with a pointer to it."""
    if isinstance(document, list):
        return [(f"{at}/{n}", record) for n, record in enumerate(document)]
    if isinstance(document, Members):
        if not document.keys().isdisjoint((*marks, "_source")):
            return [(at, document)]
        if document.repeated:
            raise Flaw("json-duplicate-key", f"/{document.repeated}", hint="a member may be given once")
        for name in within:
            if document.get(name) is not None:
                return _records(document[name], within, marks, f"{at}/{name}")
    raise Flaw("no-records", "", type(document).__name__, f"{' or '.join(within)}, a list, or one on each line")


def csv_cut(raw: bytes, delimiter: str, identifier: str) -> Iterator[Item]:
    """The rows below the heading, as JSON objects of what their cells hold; an empty cell is an absent one."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Flaw("encoding", f"byte {error.start}", raw[error.start : error.end], "send UTF-8") from error
    lines = list(StringIO(text, newline=""))
    end, written = _whole_row(lines, 0)
    heading = [name.strip() for name in _cells(written, delimiter)] if lines else []
    if identifier not in heading or len(heading) > MOST_COLUMNS:
        raise Flaw("no-records", "line 1", written, f"a heading with {identifier}, {delimiter} between")
    while end < len(lines):
        start, (end, written) = end, _whole_row(lines, end)
        try:
            cells = _cells(written, delimiter)
        except Flaw as flaw:
            # A stray quote would swallow the rows after it: only its own line is refused.
            end = end if written.count(QUOTE) % 2 == 0 else start + 1
            reason = flaw.reason.model_copy(update={"at": f"line {start + 1}"})
            yield Item(None, strict.clean(lines[start]), reason, f"line {start + 1}")
            continue
        if cells:
            yield _row(heading, cells, start + 1, identifier)


def _whole_row(lines: Sequence[str], start: int) -> tuple[int, str]:
    """The lines from `start` on in which every quote is closed, and the line after them."""
    quotes, size = 0, 0
    for end in range(start, min(start + MOST_LINES, len(lines))):
        quotes += lines[end].count(QUOTE)
        size += len(lines[end])
        if quotes % 2 == 0 or size > MOST_CHARACTERS:
            return end + 1, "".join(lines[start : end + 1])
    return start + 1, lines[start] if lines else ""


def _cells(written: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(StringIO(written, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise Flaw("csv-syntax", "line 1", written, str(error)) from error


def _row(heading: list[str], cells: list[str], line: int, identifier: str) -> Item:
    members = Members((name, cell) for name, cell in zip(heading, cells, strict=False) if cell)
    item = strict_json.json_item(members, members.get(identifier), f"line {line}")
    if len(cells) == len(heading):
        return item
    flaw = Flaw("csv-columns", f"line {line}", len(cells), f"the heading has {len(heading)} columns")
    return replace(item, flaw=flaw.reason)


def xml_cut(raw: bytes, names: Sequence[str], identify: Callable[[Node], object]) -> Iterator[Item]:
    """The outermost elements of these local names, alone or in whatever stands around them."""
    root = strict.xml_document(raw)
    tags = [f"{{*}}{name}" for name in names]
    records = [found for found in root.iter(*tags) if next(found.iterancestors(*tags), None) is None]
    if not records and len(root):
        raise Flaw("no-records", "/", root.tag, f"no {' or '.join(names)} element was found")
    for record in records:
        # Each record repeats the namespaces of what stands around it.
        if len(record.nsmap) > MOST_NAMESPACES:
            raise Flaw("xml-namespaces", "/", hint=f"at most {MOST_NAMESPACES} namespaces")
        body = etree.tostring(record, encoding="unicode", with_tail=False)
        yield Item(strict.readable_id(identify(Node(record, Notes()))), body, at=f"line {record.sourceline}")
