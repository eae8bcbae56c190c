"""A search as data: the same for the API, the page and a subscription.

`Query` is what may be asked; `Query.parse` reads it from request parameters and says plainly what it does not
understand. What a query *means* is decided in one place for each engine: the index adapters and the percolator,
which all see the tokens of `pendler.text`.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator


class Sort(StrEnum):
    """In which order hits come. Every order is total: equal hits are told apart by their ref."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    NEAREST = "nearest"
    DEADLINE = "deadline"


class Shown(StrEnum):
    """Which vacancies are shown: the open ones, the stubs of those that are not, or both."""

    ACTIVE = "active"
    CLOSED = "closed"
    ANY = "any"


class Origin(BaseModel):
    """A point that distances are measured from, with the name it was found by."""

    model_config = ConfigDict(frozen=True)
    name: str
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class Query(BaseModel):
    """What is searched for. Several values of one filter mean any of them; filters narrow one another."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    q: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""
    lang: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None
    country: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()
    nuts: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Z]{0,3}$")], ...] = ()
    occupation: tuple[Annotated[str, StringConstraints(min_length=1, max_length=120)], ...] = ()
    source: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()
    near: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)] = ""
    km: Annotated[int, Field(ge=1, le=500)] = 50
    status: Shown = Shown.ACTIVE
    sort: Sort = Sort.NEWEST
    limit: Annotated[int, Field(ge=0, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=500)] = ""

    @field_validator("country", "nuts", mode="before")
    @classmethod
    def _upper(cls, values: Iterable[Any]) -> tuple[Any, ...]:
        aliases = {"GR": "EL", "GB": "UK"}
        upper = (value.strip().upper() if isinstance(value, str) else value for value in values)
        return tuple(aliases.get(value, value) for value in upper)

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> "Query":
        """Reads request parameters; filters may be repeated, empty ones are as good as absent.

        Raises:
            QueryError: names each parameter that is unknown or wrong, and what would be right.
        """
        given: dict[str, Any] = {}
        for name, value in pairs:
            if not value.strip():
                continue
            if name in MANY:
                given.setdefault(name, []).append(value)
            elif name in given:
                raise QueryError([{"parameter": name[:60], "detail": "This parameter may be given once."}])
            else:
                given[name] = value
        unknown = [_unknown(name) for name in given if name not in cls.model_fields]
        if unknown:
            raise QueryError(unknown)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise QueryError([_wrong(detail) for detail in error.errors()]) from None

    def pairs(self) -> list[tuple[str, str]]:
        """The query as request parameters; what stands at its default is left out."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return [
            (name, str(one)) for name, value in given.items() for one in (value if isinstance(value, list) else [value])
        ]

    def url(self, path: str, **changes: Any) -> str:
        """The address of this search, with some of it changed; paging starts again unless `cursor` is given."""
        changed = {name: tuple(value) if name in MANY else value for name, value in changes.items()}
        pairs = self.model_copy(update={"cursor": "", **changed}).pairs()
        return f"{path}?{urlencode(pairs)}" if pairs else path


MANY = frozenset({"country", "nuts", "occupation", "source"})


class QueryError(ValueError):
    """A search that cannot be read; `errors` lists each problem with its parameter, place by place."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['parameter']}: {error['detail']}" for error in errors))
        self.errors = errors


def _unknown(name: str) -> dict[str, str]:
    near = get_close_matches(name, Query.model_fields, n=1)
    hint = f" Did you mean “{near[0]}”?" if near else ""
    allowed = ", ".join(Query.model_fields)
    return {"parameter": name[:60], "detail": f"There is no such parameter.{hint} Allowed are: {allowed}."}


def _wrong(error: Mapping[str, Any]) -> dict[str, str]:
    return {
        "parameter": str(error["loc"][0]),
        "value": str(error["input"])[:80],
        "detail": str(error["msg"]),
    }
