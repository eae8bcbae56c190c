"""A record as an adapter reads it: JSON by pointer, XML by path, and notes of what had to be left out."""

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from lxml import etree

from schemas.event import Reason
from services.ingest.fields.strict import Element, Read, Reader, clean, warning

T = TypeVar("T")
LONGEST = 100_000


class Notes:
    """The warnings about one record: it is published without what they name."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []

    def warn(self, rule: str, at: str, value: object = None, hint: str = "") -> None:
        self.reasons.append(warning(rule, at, value, hint))

    def keep(self, read: Read[T]) -> T | None:
        """The value of what was read; its warning, if any, is noted."""
        value, reason = read
        if reason:
            self.reasons.append(reason)
        return value

    def line(self, text: str | None, at: str, limit: int = 500) -> str | None:
        """A clean text of at most `limit` characters, or none where there is none."""
        if not text:
            return None
        written = text.strip()
        if len(written) <= limit and written.isascii() and written.isprintable():
            return written or None
        if len(written) > limit:
            self.warn("text-cut", at, written, f"at most {limit} characters")
        return clean(written, limit) or None


class Record:
    """A JSON object. A member of another kind than is asked for counts as absent, with a warning."""

    __slots__ = ("at", "members", "notes")

    def __init__(self, members: Mapping[str, object], notes: Notes, at: str = "") -> None:
        self.members, self.notes, self.at = members, notes, at

    def value(self, pointer: str) -> object:
        """What the pointer leads to, or none."""
        first, rest = _steps(pointer)
        found = self.members.get(first)
        for name in rest:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def text(self, pointer: str, limit: int = 500) -> str | None:
        """A text; a number is taken as it is written."""
        found = self.value(pointer)
        if found is None:
            return None
        if isinstance(found, str):
            if len(found) <= limit and found.isascii() and found.isprintable():
                return found.strip() or None
            return self.notes.line(found, self.at + pointer, limit)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return self.notes.line(str(found), self.at + pointer, limit)
        self._expected("a text", pointer, found)
        return None

    def read(self, pointer: str, reader: Reader[T]) -> T | None:
        """What `reader` makes of a text."""
        return self.notes.keep(reader(self.text(pointer), self.at + pointer))

    def flag(self, pointer: str) -> bool | None:
        """True or false."""
        found = self.value(pointer)
        if found is None or isinstance(found, bool):
            return found
        self._expected("true or false", pointer, found)
        return None

    def each(self, pointer: str) -> list["Record"]:
        """The objects of a list."""
        found = self.value(pointer)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(child, dict) for child in found):
            self._expected("a list of objects", pointer, found)
            return []
        return [Record(child, self.notes, f"{self.at}{pointer}/{n}") for n, child in enumerate(found)]

    def texts(self, pointer: str, limit: int = 500) -> list[str]:
        """The texts of a list, or one alone; each once, the empty ones left out."""
        found = self.value(pointer)
        if not isinstance(found, list):
            one = self.text(pointer, limit)
            return [one] if one else []
        lines = [self.notes.line(text, self.at + pointer, limit) for text in found if isinstance(text, str)]
        return list(dict.fromkeys(line for line in lines if line))

    def reads(self, pointer: str, reader: Reader[T]) -> tuple[T, ...]:
        """What `reader` makes of each of them, each once."""
        values = (self.notes.keep(reader(text, self.at + pointer)) for text in self.texts(pointer))
        return tuple(dict.fromkeys(value for value in values if value is not None))

    def first(self, *pointers: str) -> str | None:
        """The first of several members that has a text."""
        return next(filter(None, map(self.text, pointers)), None)

    def stated(self, **pointers: str) -> dict[str, object]:
        """The texts among these members by the names given here: what is stated and has no field."""
        found = {name: self.text(pointer, 20_000) for name, pointer in pointers.items()}
        return {name: text for name, text in found.items() if text}

    def _expected(self, kind: str, pointer: str, found: object) -> None:
        self.notes.warn("wrong-kind", self.at + pointer, found, f"{kind} was expected")


class Node:
    """An XML element. Paths are of local names, whatever the namespace; an empty element is an absent one."""

    __slots__ = ("_found", "at", "element", "notes")

    def __init__(self, element: Element, notes: Notes, at: str = "") -> None:
        self.element, self.notes, self.at = element, notes, at
        self._found: dict[str, list[Node]] | None = None

    def each(self, path: str) -> list["Node"]:
        """The elements a path leads to; each of its steps may lead to several, `//` goes to any depth."""
        if self._found is None:
            self._found = self._children()
        found = self._found.get(path)
        if found is None:
            found = self._found[path] = self._walk(path)
        return found

    def members(self) -> dict[str, object]:
        """As an object: a text for an element without children, a list where a name comes more than once.

        Attributes are members beside their element, `job@id`; those of this one, `@id`.
        """
        found: dict[str, object] = {f"@{_local(name)}": value for name, value in self.element.attrib.items()}
        for name, nodes in self._children().items():
            each = [node.members() if len(node.element) else node.element.text or "" for node in nodes]
            found[name] = each if len(each) > 1 else each[0]
            attributes = nodes[0].element.attrib.items()
            found |= {f"{name}@{_local(attribute)}": value for attribute, value in attributes}
        return found

    def _children(self) -> dict[str, list["Node"]]:
        """All of them by name: most are asked for."""
        children: dict[str, list[Node]] = {}
        for child in self.element.iterchildren():
            name = _local(child.tag)
            children.setdefault(name, []).append(Node(child, self.notes, f"{self.at}/{name}"))
        return children

    def _walk(self, path: str) -> list["Node"]:
        """Paths share their beginnings, and what these lead to is remembered."""
        if path == ".":
            return [self]
        above, anywhere, below = path.partition("//")
        if anywhere:
            return [found for node in self.each(above) for found in node._below(below)]
        above, _, name = path.rpartition("/")
        return [child for node in self.each(above) for child in node.each(name)] if above else []

    def _below(self, path: str) -> list["Node"]:
        name, _, rest = path.partition("/")
        found = [Node(one, self.notes, f"{self.at}//{name}") for one in self.element.iterdescendants(f"{{*}}{name}")]
        return [below for one in found for below in one.each(rest)] if rest else found

    def texts(self, path: str, limit: int = 500) -> list[str]:
        """Their clean texts in order, each once."""
        lines = [self.notes.line(node.written, node.at, limit) for node in self.each(path)]
        return list(dict.fromkeys(line for line in lines if line))

    def text(self, path: str, limit: int = 500) -> str | None:
        """The first of their texts."""
        lines = (self.notes.line(node.written, node.at, limit) for node in self.each(path))
        return next(filter(None, lines), None)

    def read(self, path: str, reader: Reader[T]) -> T | None:
        """What `reader` makes of the first of their texts."""
        return self.notes.keep(reader(self.text(path), f"{self.at}/{path}"))

    def reads(self, path: str, reader: Reader[T]) -> tuple[T, ...]:
        """What it makes of each of them, each once."""
        values = (self.notes.keep(reader(text, f"{self.at}/{path}")) for text in self.texts(path))
        return tuple(dict.fromkeys(value for value in values if value is not None))

    def attribute(self, name: str, reader: Reader[T]) -> T | None:
        """What it makes of an attribute."""
        return self.notes.keep(reader(self.element.get(name), f"{self.at}/@{name}"))

    @property
    def written(self) -> str:
        """All text in the element, as it stands there."""
        if len(self.element):
            return "".join(map(str, self.element.itertext())).strip()
        return (self.element.text or "").strip()

    def markup(self, path: str) -> str:
        """What is in the elements as HTML, be it text that is markup or elements of their own."""
        found = "".join(_inner(node.element) for node in self.each(path))
        if len(found) > LONGEST:
            self.notes.warn("text-cut", f"{self.at}/{path}", found, f"at most {LONGEST} characters")
        return found[:LONGEST]


def _inner(element: Element) -> str:
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)


@cache
def _steps(pointer: str) -> tuple[str, tuple[str, ...]]:
    _, first, *rest = pointer.split("/")
    return first, tuple(rest)


@cache
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
