"""A search as data: the same for the API, the page, an alert and an export.

`Query` is what may be asked; `Query.parse` reads it from request parameters and says plainly what it does not
understand. What a query *means* is decided in one place, `pendler.searchable.fits`; the index adapters and the
percolator give exactly what fits.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from schemas.partnership import partnerships
from schemas.vacancy import Offering, Schedule

Text = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Licence = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,4}$")]
NO_WORDS_MEANT = "no"
MOST_VALUES = 500
"""Of one filter."""


def told(given: str, allowed: Iterable[str]) -> str:
    """What might have been meant, and all that may be said."""
    known = list(allowed)
    near = get_close_matches(given, known, n=1)
    return (f" Did you mean “{near[0]}”?" if near else "") + f" Allowed are: {', '.join(known)}."


def _known(value: str) -> str:
    if value not in partnerships():
        raise ValueError(f"There is no such partnership.{told(value, partnerships())}")
    return value


PartnershipId = Annotated[str, AfterValidator(_known)]


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
    """What is searched for. Several values of one filter mean any of them; filters narrow one another.

    Filters that many advertisements say nothing about (`skill` and `employer` are none of them) keep those that do
    not say, after those that do; `strict` leaves them out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    q: Text = Field("", description="Words; “in quotes” as they stand; -word: without it.")
    also: tuple[Annotated[str, StringConstraints(max_length=200)], ...] = Field(
        (), description="Codes that words stand for, `WORDS=CODE` each; `no`: none. Left out: as we understand them."
    )
    lang: Language | None = Field(None, description="The reader's language: stems of words, labels.")
    country: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...] = ()
    nuts: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Z]{0,3}$")], ...] = ()
    partnership: tuple[PartnershipId, ...] = Field((), description="Cross-border partnerships: /v1/codes/partnership.")
    occupation: tuple[Code, ...] = Field((), description="ESCO URIs or ISCO-08 groups of one to four digits.")
    skill: tuple[Code, ...] = Field((), description="URIs of ESCO skills.")
    offering: tuple[Offering, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    speaks: Annotated[tuple[Language, ...], Field(max_length=8)] = Field(
        (), description="My languages, `nl,fr`: all that is asked for is among them."
    )
    licence: Annotated[tuple[Licence, ...], Field(max_length=8)] = Field((), description="My driving licences.")
    education: Annotated[int, Field(ge=0, le=8)] | None = Field(None, description="My level (ISCED): no more is asked.")
    experience: Annotated[int, Field(ge=0, le=60)] | None = Field(None, description="My years: no more are asked.")
    pay: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(None, description="Euros a year, at least.")
    remote: Literal["yes", "no"] | None = None
    abroad: Literal["yes"] | None = Field(None, description="The employer is looking abroad (EURES flag).")
    programme: tuple[Code, ...] = ()
    qualified: Literal["high"] | None = Field(
        None, description="Highly qualified work: ISCO groups 1 to 3, or EQF 6 to 8 asked for."
    )
    employer: tuple[Text, ...] = ()
    source: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()
    since: date | None = Field(None, description="Published on that day or later.")
    near: Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)] = Field(
        "", description="A town or a postcode; “Halle, BE” where there are several."
    )
    km: Annotated[int, Field(ge=1, le=500)] = 50
    minutes: Annotated[int, Field(ge=5, le=240)] | None = Field(
        None, description="By car, estimated, over real crossings; instead of km."
    )
    strict: bool = Field(False, description="Without those that do not say.")
    status: Shown = Shown.ACTIVE
    sort: Sort = Sort.NEWEST
    limit: Annotated[int, Field(ge=0, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=500)] = ""

    @field_validator("country", "nuts", "licence", mode="before")
    @classmethod
    def _upper(cls, values: Iterable[Any]) -> tuple[Any, ...]:
        aliases = {"GR": "EL", "GB": "UK"}
        upper = (value.strip().upper() if isinstance(value, str) else value for value in _split(values))
        return tuple(aliases.get(value, value) for value in upper)

    @field_validator("speaks", mode="before")
    @classmethod
    def _lower(cls, values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(value.strip().lower() if isinstance(value, str) else value for value in _split(values))

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
        unknown += [_too_many(name) for name in MANY & given.keys() if len(given[name]) > MOST_VALUES]
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
            (name, str(one).lower() if isinstance(one, bool) else str(one))
            for name, value in given.items()
            for one in (value if isinstance(value, list) else [value])
        ]

    def url(self, path: str, **changes: Any) -> str:
        """The address of this search, with some of it changed; paging starts again unless `cursor` is given."""
        changed = {name: tuple(value) if name in MANY else value for name, value in changes.items()}
        pairs = self.model_copy(update={"cursor": "", **changed}).pairs()
        return f"{path}?{urlencode(pairs)}" if pairs else path


MANY = frozenset(name for name, field in Query.model_fields.items() if str(field.annotation).startswith("tuple"))
SPARSE = ("offering", "schedule", "speaks", "licence", "education", "experience", "pay", "remote", "abroad")
"""What many advertisements say nothing about."""


class QueryError(ValueError):
    """A search that cannot be read; `errors` lists each problem with its parameter, place by place."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{error['parameter']}: {error['detail']}" for error in errors))
        self.errors = errors


def _split(values: Iterable[Any]) -> list[Any]:
    """`nl,fr` is as good as giving the parameter twice."""
    return [one for value in values for one in (value.split(",") if isinstance(value, str) else [value]) if one != ""]


def _too_many(name: str) -> dict[str, str]:
    return {
        "parameter": name,
        "detail": f"At most {MOST_VALUES} values. Ask for a level above, or in several searches.",
    }


def _unknown(name: str) -> dict[str, str]:
    return {"parameter": name[:60], "detail": f"There is no such parameter.{told(name, Query.model_fields)}"}


CHOICES: Mapping[str, type[StrEnum]] = {"sort": Sort, "status": Shown, "offering": Offering, "schedule": Schedule}


HINTS: Mapping[str, str] = {
    "country": "Two letters, as in NL: /v1/codes/country.",
    "nuts": "A region of NUTS, as in BE234.",
    "speaks": "Two letters each, as in nl,fr: /v1/codes/language.",
    "lang": "Two letters, as in nl.",
    "licence": "Categories, as in B,CE.",
    "since": "A day, as in 2026-11-30.",
}


def _wrong(error: Mapping[str, Any]) -> dict[str, str]:
    name, given, detail = str(error["loc"][0]), error["input"], str(error["msg"]).removeprefix("Value error, ")
    value = ",".join(map(str, given)) if isinstance(given, tuple | list) else str(given)
    if name in CHOICES:
        detail = f"{detail}.{told(value, CHOICES[name])}"
    hint = HINTS.get(name)
    return {"parameter": name, "value": value[:80], "detail": f"{detail}. {hint}" if hint else detail}
