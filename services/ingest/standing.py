"""Where something stands in a delivery: the line of a record, and of a member that a pointer into it leads to. Pure."""

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from services.ingest.feed import Item

_LINE = re.compile(r"line (\d+)")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],]|[^\s{}\[\],:"]+', re.DOTALL)
_OPEN, _CLOSED = (b"{", b"["), (b"}", b"]")
LONGEST_KEY = 200


def lines_of(raw: bytes, places: Sequence[tuple[Item, str]]) -> list[int | None]:
    """The line of each place in a record, or of the innermost part of the delivery around it that has one."""
    wanted = {pointer for item, at in places for pointer in _around(item, at)}
    lines = _json_lines(raw, wanted) if wanted else {}
    return [_line(item, at, lines) for item, at in places]


def _line(item: Item, at: str, lines: Mapping[str, int]) -> int | None:
    if found := _LINE.fullmatch(item.at):
        return int(found[1])
    return next((lines[pointer] for pointer in _around(item, at) if pointer in lines), None)


def _around(item: Item, at: str) -> list[str]:
    """The place and what is around it, the innermost first, where the record stands in a JSON document."""
    if not item.at.startswith("/"):
        return []
    steps = (item.at + (at if at.startswith("/") else "")).split("/")
    return ["/".join(steps[:n]) for n in range(len(steps), 1, -1)]


@dataclass
class _Open:
    """An object or a list that is not closed yet, and which of its members comes next."""

    pointer: str
    is_list: bool
    n: int = 0
    key: str | None = None

    @property
    def place(self) -> str:
        return f"{self.pointer}/{self.n if self.is_list else self.key}"

    def next(self) -> None:
        self.n, self.key = self.n + 1, None


def _json_lines(raw: bytes, wanted: Set[str]) -> Mapping[str, int]:
    """The line, from 1, on which each of these members of a JSON document begins. The document is a sound one."""
    lines, inside, line, counted = dict[str, int](), list[_Open](), 1, 0
    for token in _TOKEN.finditer(raw):
        line, counted = line + raw.count(b"\n", counted, token.start()), token.start()
        written, around = token[0], inside[-1] if inside else None
        if written in _CLOSED:
            inside.pop()
        elif written == b"," and around:
            around.next()
        else:
            named = around and not around.is_list and around.key is None
            if around and named:
                around.key = _key(written)
            place = around.place if around else ""
            if place in wanted:
                lines.setdefault(place, line)
            if written in _OPEN and not named:
                inside.append(_Open(place, written == b"["))
    return lines


def _key(written: bytes) -> str:
    """A name as a step of a pointer."""
    text = written.decode(errors="replace")
    name = json.loads(text, strict=False) if "\\" in text else text[1:-1]
    return str(name)[:LONGEST_KEY].replace("~", "~0").replace("/", "~1")
