"""Percolates from files: saved searches and vacancies in, which vacancy fits which searches out; NDJSON all of it."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from pendler.places import Places
from pendler.searchable import searchable
from pendler.wanted import Wanted, wanted
from schemas.event import VacancyMatched
from schemas.query import Origin, Query, QueryError
from services.notify.choices import origin_of
from services.notify.percolator import Percolator


class Line(ValueError):
    """A line that cannot be read; says which and why."""


class Saved(BaseModel):
    """A saved search: `query` holds the parameters of the search API."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    query: dict[str, str | int | float | list[str | int | float]]

    def pairs(self) -> list[tuple[str, str]]:
        """The query as request parameters."""
        return [
            (name, str(one))
            for name, value in self.query.items()
            for one in (value if isinstance(value, list) else [value])
        ]


def load(lines: Iterable[str], places: Places) -> Percolator:
    """The searches, ready.

    Raises:
        Line: one is no search.
    """
    made = Percolator()
    gc.disable()  # nothing here is garbage until all is read
    try:
        for identity, one in _read(lines, places):
            made.add(identity, one)
    finally:
        gc.enable()
    gc.freeze()
    return made


def _read(lines: Iterable[str], places: Places) -> Iterator[tuple[str, Wanted]]:
    near = dict[str, Origin | None]()
    for n, line in _filled(lines):
        try:
            saved = Saved.model_validate_json(line)
            query = Query.parse(saved.pairs())
            if query.near not in near:
                near[query.near] = origin_of(query, places)
        except ValidationError as error:
            raise Line(f"search in line {n}: {_why(error)}") from None
        except QueryError as error:
            raise Line(f"search in line {n}: {error}") from None
        yield saved.id, wanted(query, near[query.near])


def percolate(percolator: Percolator, lines: Iterable[str]) -> Iterator[bytes]:
    """For each vacancy `{"ref", "subscriptions": [...]}`, as a line.

    Raises:
        Line: one is no vacancy.
    """
    for n, line in _filled(lines):
        try:
            event = VacancyMatched.model_validate_json(line)
        except ValidationError as error:
            raise Line(f"vacancy in line {n}: {_why(error)}") from None
        found: Mapping[str, Any] = {
            "ref": event.ref,
            "subscriptions": sorted(percolator.matching(searchable(event))),
        }
        yield orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)


def _filled(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(lines, 1) if line.strip())


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"
