"""The vacancy: one advertised opening, in the words of the EURES / HR-Open profile and its code lists.

Everything a source may say has a place here; *not stated* is ``None`` or an empty list, never a guess.
What is derived (ESCO codes, NUTS-3, coordinates) stands apart, in `Derived`, and is added by match.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~ ¡-￼]+$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Line = Annotated[str, StringConstraints(max_length=500)]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://")]
Body = Annotated[str, StringConstraints(max_length=100_000)]
Cefr = Literal["A1", "A2", "B1", "B2", "C1", "C2"]


class Part(BaseModel):
    """A piece of a vacancy: immutable; unknown members of a newer writer are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Status(StrEnum):
    """Where in its life a vacancy is. Only an active one is open."""

    ACTIVE = "active"
    CLOSED = "closed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Offering(StrEnum):
    """EURES code list 37: what kind of post is offered."""

    DIRECT_HIRE = "DirectHire"
    TEMPORARY = "Temporary"
    TEMPORARY_TO_HIRE = "TemporaryToHire"
    CONTRACT_TO_HIRE = "ContractToHire"
    CONTRACT = "Contract"
    INTERNSHIP = "Internship"
    APPRENTICESHIP = "Apprenticeship"
    SEASONAL = "Seasonal"
    ON_CALL = "OnCall"
    RECRUITMENT_RESERVE = "RecruitmentReserve"
    SELF_EMPLOYED = "SelfEmployed"
    VOLUNTEER = "Volunteer"


class Schedule(StrEnum):
    """EURES code list 38: working time."""

    FULL_TIME = "FullTime"
    PART_TIME = "PartTime"
    FLEX_TIME = "FlexTime"
    ANY = "Any"


class Interval(StrEnum):
    """EURES code list 50: the period a pay figure is for."""

    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"
    YEAR = "Year"
    ONCE = "Once"


class Profile(Part):
    """The advertisement in one language: `html` is sanitised, `text` is its twin without markup."""

    language: Language | None = None
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    html: Body = ""
    text: Body = ""


class Employer(Part):
    """Who offers the post."""

    name: Line | None = None
    legal_id: Line | None = None
    website: Url | None = None
    description: Body | None = None


class Location(Part):
    """A place of work as stated; `nuts` only where the source itself gives it."""

    country: Country | None = None
    postcode: Annotated[str, StringConstraints(max_length=20)] | None = None
    city: Annotated[str, StringConstraints(max_length=200)] | None = None
    address: Line | None = None
    nuts: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Z]{0,3}$")] | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None


class Pay(Part):
    """Pay before tax, in `currency` per `interval`; `source_text` is what the source wrote.

    What it comes to in euros a year of full time is worked out; `rates_of`: the day of the rates, if one was used.
    """

    minimum: Annotated[float, Field(ge=0, le=1e9)] | None = None
    maximum: Annotated[float, Field(ge=0, le=1e9)] | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    interval: Interval | None = None
    source_text: Line | None = None
    yearly_minimum: Annotated[int, Field(ge=0)] | None = None
    yearly_maximum: Annotated[int, Field(ge=0)] | None = None
    rates_of: date | None = None


class OccupationCode(Part):
    """An occupation as the source coded it; a code means nothing without its scheme and version."""

    scheme: Annotated[str, StringConstraints(max_length=60)]
    version: Annotated[str, StringConstraints(max_length=20)] | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    label: Line | None = None


class LanguageSkill(Part):
    """A language asked for, with its level where one is stated."""

    language: Language
    level: Cefr | None = None
    required: bool = True


class Experience(Part):
    """Experience asked for: `years` where a number is stated, `required` where only that is."""

    years: Annotated[float, Field(ge=0, le=60)] | None = None
    required: bool | None = None
    description: Line | None = None


class Apply(Part):
    """How to apply."""

    url: Url | None = None
    email: Line | None = None
    instructions: Body | None = None


class Contact(Part):
    """A contact person: personal data, erased with the text when the vacancy closes."""

    name: Line | None = None
    email: Line | None = None
    phone: Line | None = None


class Origin(Part):
    """Where the record came from; `hops` are the exchanges it passed, against loops."""

    source: Annotated[str, StringConstraints(max_length=60)] = ""
    external_id: ExternalId
    url: Url | None = None
    hops: tuple[str, ...] = ()


class Vacancy(Part):
    """One advertised opening as its source describes it, whatever the number of posts (`positions`)."""

    origin: Origin
    profiles: Annotated[tuple[Profile, ...], Field(min_length=1, max_length=30)]
    employer: Employer = Employer()
    locations: Annotated[tuple[Location, ...], Field(max_length=100)] = ()
    offering: Offering | None = None
    schedule: Schedule | None = None
    positions: Annotated[int, Field(ge=1, le=10_000)] | None = None
    start: date | None = None
    start_text: Line | None = None
    immediate: bool | None = None
    apply_by: datetime | None = None
    published: datetime | None = None
    updated: datetime | None = None
    expires: datetime | None = None
    pay: Pay | None = None
    education: tuple[Annotated[str, StringConstraints(pattern=r"^(ISCED|EQF)[0-8]$")], ...] = ()
    experience: Experience | None = None
    licences: tuple[Annotated[str, StringConstraints(max_length=10)], ...] = ()
    languages: tuple[LanguageSkill, ...] = ()
    working_languages: tuple[Language, ...] = ()
    nace: tuple[Annotated[str, StringConstraints(max_length=20)], ...] = ()
    remote: bool | None = None
    eures_flag: bool | None = None
    programmes: tuple[str, ...] = ()
    apply: Apply = Apply()
    contacts: tuple[Contact, ...] = ()
    occupations: tuple[OccupationCode, ...] = ()
    demonstration: bool = False
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title of the first profile: the language the source wrote in."""
        return self.profiles[0].title


class Stub(Part):
    """What is kept of a closed vacancy: codes and places, no text, no contact, no employer."""

    locations: tuple[Location, ...] = ()
    occupations: tuple[OccupationCode, ...] = ()
    positions: int | None = None
    demonstration: bool = False


class Occupation(Part):
    """An ESCO occupation, or an ISCO group (`uri` .../isco/C7212) where no concept is sure enough."""

    uri: str
    isco: str
    label: str
    score: Annotated[float, Field(ge=0, le=1)]
    method: str
    evidence: str = ""


class Skill(Part):
    """An ESCO skill found in the text."""

    uri: str
    label: str
    score: Annotated[float, Field(ge=0, le=1)]
    evidence: str = ""
    essential: bool | None = None
    """For the coded occupation, by ESCO: essential, optional, or neither (None)."""
    implied: bool = False
    """The text does not say it: the occupation needs it."""


class Kind(StrEnum):
    """What a text may ask for or offer, beside occupation and skills."""

    LANGUAGE = "language"
    LICENCE = "licence"
    EDUCATION = "education"
    EXPERIENCE = "experience"
    REMOTE = "remote"
    TRAINING = "training"
    SHIFT = "shift"
    SEASONAL = "seasonal"
    REGULATED = "regulated"


class Finding(Part):
    """One thing that the text asks for or offers; `evidence` is the passage that shows it.

    `value`: a language; a licence category ("" where none is named); ISCED or EQF level; years of experience ("" where
    none are named); remote, hybrid; apprenticeship, traineeship; shift, night, weekend; seasonal; an ISCO group.
    """

    kind: Kind
    value: str = ""
    level: Cefr | None = None
    required: bool = True
    evidence: str = ""


class Place(Part):
    """Where a stated location is: `radius_km` is how far off the coordinates may be."""

    country: Country | None = None
    nuts: str | None = None
    nuts_version: str | None = None
    lat: float | None = None
    lon: float | None = None
    name: str | None = None
    method: str
    radius_km: float | None = None


class Derived(Part):
    """What match adds: a pure function of the vacancy and the numbered ESCO pack."""

    language: Language | None = None
    occupations: tuple[Occupation, ...] = ()
    skills: tuple[Skill, ...] = ()
    places: tuple[Place, ...] = ()
    written: tuple[Language, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What the source does not state itself."""
