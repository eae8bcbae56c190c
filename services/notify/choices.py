"""What people choose of a subscription beside the search: how often, when, in which language."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pendler.places import Places
from schemas.query import Origin, Query, QueryError
from services.notify.state import HOUR, ZONE, Frequency


class BadAddress(ValueError):
    """No e-mail address."""


@cache
def zones() -> list[str]:
    """The time zones that a form offers."""
    return sorted(name for name in available_timezones() if name.startswith(("Europe/", "Atlantic/")))


def _known(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"no time zone of this name; expected one like {ZONE}")
    return zone


class Choices(BaseModel):
    """Digests leave at `hour` in `zone`, weekly ones on Monday."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    language: Literal["en", "nl", "da", "de", "fr", "sv", "nb"] = "en"
    frequency: Frequency = Frequency.DAILY
    zone: Annotated[str, Field(max_length=60), AfterValidator(_known)] = ZONE
    hour: Annotated[int, Field(ge=0, le=23)] = HOUR


class Asked(Choices):
    """A new subscription as the API takes it."""

    address: str
    query: Annotated[dict[str, str | list[str]], Field(description="Parameters of /v1/vacancies.")]

    def choices(self) -> dict[str, Any]:
        return self.model_dump(include=set(Choices.model_fields))

    def pairs(self) -> list[tuple[str, str]]:
        """The query as request parameters."""
        return [
            (name, one) for name, value in self.query.items() for one in ([value] if isinstance(value, str) else value)
        ]


def chosen(form: Mapping[str, str]) -> dict[str, Any]:
    """What of a form are choices; those that were not made, or cannot be, are left out."""
    given = {name: form[name] for name in Choices.model_fields if form.get(name)}
    try:
        return Choices.model_validate(given).model_dump(include=set(given))
    except ValidationError:
        return {}


def checked_address(address: str) -> str:
    """The address as it is kept.

    Raises:
        BadAddress: it is none; says why.
    """
    if "=?" in address:  # legal, and a mail program would read something else
        raise BadAddress("This is no e-mail address that we can write to: it looks like an encoded word.")
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise BadAddress(f"This is no e-mail address: {error}") from None


def saved(query: Query) -> Query:
    """What of a search is kept: what it asks, not where in its hits somebody was."""
    return query.model_copy(update={"cursor": "", "limit": 20})


def origin_of(query: Query, places: Places) -> Origin | None:
    """Where `query.near` lies.

    Raises:
        QueryError: no such place is known.
    """
    if not query.near:
        return None
    if found := places.find(query.near, limit=1):
        return Origin(name=found[0].name, lat=found[0].lat, lon=found[0].lon)
    raise QueryError([{"parameter": "near", "detail": f"No place called “{query.near}” is known."}])
