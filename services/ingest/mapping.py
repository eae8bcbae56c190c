"""A mapping: what a feed without code says of its format, in YAML. An error names the line and the key."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from schemas.vacancy import Country, Interval, Language, Offering, Schedule

Pointer = Annotated[str, StringConstraints(pattern=r"^(/[^/]+)+$")]
"""Where a value stands in a record: `/employer/name`. In a CSV it is `/` and the heading of the column; an attribute in
XML is `/job@id` or, of the record itself, `/@id`."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}_[a-z0-9_]+$")]


class Closed(BaseModel):
    """A part of a mapping; a key that there is not is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _form_of_dates(form: str) -> str:
    try:
        read = datetime.strptime(datetime(2026, 11, 25).strftime(form), form)
    except ValueError as error:
        raise ValueError(f"no form of dates, such as %d-%m-%Y: {error}") from None
    if (read.year, read.month, read.day) != (2026, 11, 25):
        raise ValueError("no form of dates: it needs year, month and day, such as %d-%m-%Y")
    return form


class Fields(Closed):
    """Which member of a record says what. What the source does not state is left out."""

    title: Pointer
    text: Pointer | None = None
    url: Pointer | None = None
    employer: Pointer | None = None
    employer_id: Pointer | None = None
    city: Pointer | None = None
    postcode: Pointer | None = None
    positions: Pointer | None = None
    published: Pointer | None = None
    updated: Pointer | None = None
    expires: Pointer | None = None
    apply_by: Pointer | None = None
    pay: Pointer | None = None
    pay_from: Pointer | None = None
    pay_to: Pointer | None = None
    currency: Pointer | None = None
    pay_per: Pointer | None = None
    schedule: Pointer | None = None
    offering: Pointer | None = None
    demonstration: Pointer = "/demonstration"


class Mapping(Closed):
    """A feed as data. Tables have the source's own words, small letters; `extra` keeps what has no field.

    `records` are the names that records stand under: members of JSON, elements of XML. `constants` are what every
    record says though none does, by field; `dates` how the source writes them, where it is otherwise than usual.
    """

    name: Name
    title: str
    country: Country
    documentation: str
    format: Literal["csv", "json", "xml"]
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    records: tuple[str, ...] = ()
    id: Pointer
    language: Language | None = None
    tried: bool = False
    """Whether it has been tried on real records of the source."""
    fields: Fields
    constants: dict[str, str] = Field(default_factory=dict)
    dates: tuple[Annotated[str, AfterValidator(_form_of_dates)], ...] = ()
    intervals: dict[str, Interval | None] = Field(default_factory=dict)
    schedules: dict[str, Schedule | None] = Field(default_factory=dict)
    offerings: dict[str, Offering | None] = Field(default_factory=dict)
    extra: dict[str, Pointer] = Field(default_factory=dict)

    @field_validator("constants")
    @classmethod
    def _are_fields(cls, constants: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        stated = info.data["fields"].model_dump(exclude_unset=True) if "fields" in info.data else {}
        for name in constants:
            if name not in Fields.model_fields or name in stated:
                raise ValueError(f"{name} is no field, or is read from the record already")
        return constants

    @model_validator(mode="after")
    def _has_elements(self) -> Self:
        if self.format == "xml" and not self.records:
            raise ValueError("XML needs `records`: the names of the elements that are records")
        return self

    @cached_property
    def at(self) -> Fields:
        """Where each field stands, constants, too: they are members of every record, `/=name`."""
        return self.fields.model_copy(update={name: f"/={name}" for name in self.constants})


class Unmapped(ValueError):
    """A mapping that cannot be used: the file, the line, the key, and what is wrong."""


def load(path: Path) -> Mapping:
    """The mapping in a file.

    Raises:
        Unmapped: it is none; every error on a line of its own.
    """
    written = path.read_text("utf-8")
    try:
        document, root = yaml.safe_load(written), yaml.compose(written, yaml.SafeLoader)
        return Mapping.model_validate(document)
    except yaml.YAMLError as error:
        raise Unmapped(f"{path.name}: no YAML: {error}") from error
    except ValidationError as error:
        told = (
            f"{path.name} line {_line(root, one['loc'])}, {'/'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in error.errors()
        )
        raise Unmapped("\n".join(told)) from error


def _line(node: yaml.Node | None, keys: Sequence[str | int]) -> int:
    """The line of a key, or of the innermost part there is around it."""
    line = node.start_mark.line + 1 if node else 1
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, child) for name, child in pairs if name.value == str(key)), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
