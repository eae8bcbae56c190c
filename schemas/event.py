"""The events: immutable facts on topics, each the whole state of what it is about.

    Event                  a fact; knows its topic, its key and an id that repeats when the fact is told again
      RecordReceived       a record as it came, before anybody looked into it
      RecordSettled        what became of that record: exactly one outcome
      VacancyState         the whole vacancy, or the stub of a closed one, at one version
        VacancyNormalised  as its source says it
        VacancyMatched     with ESCO codes and places added
      VacancyClustered     which vacancies of other sources are the same opening
      AlertSent            a mail left for a subscriber
      SourceNamed          what people call a source
    Erased                 a tombstone: the key of a compacted topic without a value

A topic is `<entity>.<past participle>.v<major>`. A minor change is an optional field with a default; anything
else is a new class on a new topic. `schemas/examples/` holds every shape ever published and is append-only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from schemas.rights import UNSAID, Way, may
from schemas.vacancy import Derived, Status, Stub, Vacancy


@dataclass(frozen=True)
class Topic:
    """How a topic is kept. `retention_days` None: compacted, the newest value of each key stays."""

    name: str
    owner: str
    retention_days: int | None
    partitions: int = 3


class Event(BaseModel):
    """A fact. `key` decides order and compaction; `id` is the same each time the same fact is told."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    topic: ClassVar[Topic]

    @property
    def key(self) -> str:
        raise NotImplementedError

    @property
    def version(self) -> str:
        """What tells two facts about one key apart."""
        raise NotImplementedError

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE_URL, f"{self.topic.name}\n{self.key}\n{self.version}")


class Severity(StrEnum):
    """`error`: the record was refused; `warning`: it was published without what is named here."""

    ERROR = "error"
    WARNING = "warning"


class Reason(BaseModel):
    """Why a record fared as it did: the rule, the place, the value (80 characters at most), the way out."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    rule: str
    at: str = ""
    value: str | None = None
    severity: Severity = Severity.ERROR
    hint: str = ""


class Outcome(StrEnum):
    """What can become of a record."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    CLOSED = "closed"
    HELD = "held"


class RecordReceived(Event):
    """One record as it came in transfer `transfer`, where it is number `n` (from 1).

    `flaw` is set where the record could not even be read as one; `body` is then what could be kept of it.
    `ends` is set where the record is no description but word that the vacancy is over: withdrawn, absent from a
    complete snapshot, past its end, or (`forgotten`) closed so long that nothing of it is to be kept.
    """

    topic: ClassVar[Topic] = Topic("record.received.v1", owner="ingest", retention_days=3)
    source: str
    feed: str
    transfer: str
    n: int
    external_id: str | None = None
    body: str
    received_at: datetime
    first_delivery: bool = False
    ends: Literal["closed", "expired", "withdrawn", "forgotten"] | None = None
    flaw: Reason | None = None

    @property
    def key(self) -> str:
        return f"{self.source}:{self.external_id or f'~{self.transfer}/{self.n}'}"

    @property
    def version(self) -> str:
        return f"{self.transfer}/{self.n}"


class RecordSettled(Event):
    """The one outcome of one record."""

    topic: ClassVar[Topic] = Topic("record.settled.v1", owner="ingest", retention_days=90)
    transfer: str
    n: int
    source: str
    feed: str
    outcome: Outcome
    ref: str | None = None
    revision: int | None = None
    reason: Reason | None = None
    settled_at: datetime

    @property
    def key(self) -> str:
        return self.ref or f"{self.source}:~{self.transfer}/{self.n}"

    @property
    def version(self) -> str:
        return f"{self.transfer}/{self.n}"


class VacancyState(Event):
    """A vacancy at one version `(revision, enrichment)`: whole while open, a stub once it is not.

    `episode` counts its lives: a closed ref that comes back begins the next one. `news_at` is when the opening
    became news: when its source published it, or, where that is not stated, when we accepted it; none for what
    came with a source's first delivery.

    `ways` are the ways out that the source lets it take, `lost` those it once could take and no longer may: who reads
    there is told to drop it.
    """

    ref: str
    revision: int
    enrichment: int = 0
    episode: int = 1
    status: Status
    reason: str | None = None
    at: datetime
    news_at: datetime | None = None
    vacancy: Vacancy | None = None
    stub: Stub | None = None
    ways: tuple[Way, ...] = UNSAID
    lost: tuple[Way, ...] = ()

    @property
    def key(self) -> str:
        return self.ref

    @property
    def version(self) -> str:
        return f"{self.revision}.{self.enrichment}"

    @property
    def order(self) -> int:
        """The version as one number, for stores and indexes that guard by it."""
        return self.revision * 1_000_000 + self.enrichment

    @property
    def source(self) -> str:
        return self.ref.partition(":")[0]

    @property
    def is_open(self) -> bool:
        return self.status is Status.ACTIVE

    def may(self, way: Way) -> bool:
        """Whether it may take a way out."""
        told = self.vacancy or self.stub
        return may(way, self.ways, bool(told and told.demonstration))


class VacancyNormalised(VacancyState):
    """A vacancy as its source says it, in one shape for all sources."""

    topic: ClassVar[Topic] = Topic("vacancy.normalised.v1", owner="ingest", retention_days=None)


class VacancyMatched(VacancyState):
    """A vacancy with what match derived from it."""

    topic: ClassVar[Topic] = Topic("vacancy.matched.v1", owner="match", retention_days=None)
    derived: Derived = Derived()


class VacancyClustered(Event):
    """Which vacancies are the same opening as this one, told whenever that changes; alone, it is its own cluster.

    `cluster` is the smallest ref of the members. `evidence` says for each vacancy this one was compared with and
    found to be the same, why. `repost_of` is a closed vacancy of the same source that this one repeats.
    `n` counts what was told of this vacancy; the newest is true, so a cluster can be undone.
    """

    topic: ClassVar[Topic] = Topic("vacancy.clustered.v1", owner="match", retention_days=None)
    ref: str
    n: int
    cluster: str
    members: tuple[str, ...]
    evidence: dict[str, str] = Field(default_factory=dict)
    repost_of: str | None = None
    at: datetime

    @property
    def key(self) -> str:
        return self.ref

    @property
    def version(self) -> str:
        return str(self.n)


class AlertSent(Event):
    """A mail with these vacancies left for a subscriber, who is named by a number only."""

    topic: ClassVar[Topic] = Topic("alert.sent.v1", owner="notify", retention_days=90)
    mail: str
    subscription: str
    refs: tuple[str, ...]
    sent_at: datetime

    @property
    def key(self) -> str:
        return self.subscription

    @property
    def version(self) -> str:
        return self.mail


class SourceNamed(Event):
    """What people call a source, `VDAB`: told when it is named and named anew; the newest is true."""

    topic: ClassVar[Topic] = Topic("source.named.v1", owner="ingest", retention_days=None)
    source: str
    name: str = Field(min_length=1, max_length=80)
    at: datetime

    @property
    def key(self) -> str:
        return self.source

    @property
    def version(self) -> str:
        return self.at.isoformat()


@dataclass(frozen=True)
class Erased:
    """A tombstone on a compacted topic: everything about this ref is to be forgotten."""

    ref: str
    topic: str = VacancyNormalised.topic.name


EVENTS: Mapping[str, type[Event]] = {
    event.topic.name: event
    for event in (
        RecordReceived,
        RecordSettled,
        VacancyNormalised,
        VacancyMatched,
        VacancyClustered,
        AlertSent,
        SourceNamed,
    )
}


def json_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event's body, for readers that are not Python."""
    schema = event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": event.topic.name, **schema}
