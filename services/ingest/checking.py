"""What would become of a delivery: every record read by the live code, every problem with its line. Nothing is kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pendler.store import Doc
from schemas.event import Outcome, Reason, RecordReceived, VacancyMatched, VacancyNormalised
from schemas.rights import UNSAID
from services.ingest import eures_out
from services.ingest.delivery import received
from services.ingest.feed import Feed, Item
from services.ingest.report import summary
from services.ingest.service import reading
from services.ingest.standing import lines_of
from services.ingest.state import Fate, Rights, fate_of, ref_of

TRANSFER = "check"


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong in a record, and the line of the delivery where it is."""

    line: int | None
    reason: Reason


@dataclass(frozen=True)
class ForEures:
    """The XML that a vacancy would become, and what EURES would refuse it for or drop of it."""

    xml: str
    told: list[Reason]


@dataclass(frozen=True)
class Delivered:
    """What is checked: the whole and its records, the feed they are to be of, and the source that sends them."""

    feed: Feed
    source: str
    raw: bytes
    items: Sequence[Item]
    now: datetime


@dataclass(frozen=True)
class Checked:
    """One record: what it would come to, all that is wrong with it, and the vacancy that would be published."""

    n: int
    line: int | None
    external_id: str | None
    outcome: Outcome
    troubles: tuple[Trouble, ...]
    event: VacancyNormalised | None
    matched: VacancyMatched | None = None

    @property
    def eures(self) -> ForEures | None:
        """What EURES would get; none where nothing is published."""
        if self.matched is None or self.matched.vacancy is None:
            return None
        return ForEures(eures_out.written(self.matched), eures_out.told(self.matched))


def check(given: Delivered, known: Mapping[str, Doc], rights: Rights = UNSAID) -> list[Checked]:
    """Each record in turn, on what is known and on what the one before it would leave."""
    items, states = given.items, dict(known)
    read = list[tuple[RecordReceived, Fate, tuple[Reason, ...]]]()
    of: Doc = {"source": given.source, "feed": given.feed.name}
    for n, item in enumerate(items, 1):
        record = received(item, n, TRANSFER, of, given.now, first=False)
        fate, reasons = _fate(given.feed, record, states, rights)
        read.append((record, fate, reasons))
        if fate.state:
            states[ref_of(record)] = fate.state
    places = [(item, one.at) for item, (_, _, some) in zip(items, read, strict=True) for one in some]
    lines = iter(lines_of(given.raw, [*places, *((item, "") for item in items)]))
    troubles = [tuple(Trouble(next(lines), one) for one in some) for _, _, some in read]
    return [
        Checked(record.n, line, record.external_id, fate.outcome, told, fate.event)
        for (record, fate, _), told, line in zip(read, troubles, lines, strict=True)
    ]


def _fate(
    feed: Feed, record: RecordReceived, states: Mapping[str, Doc], rights: Rights
) -> tuple[Fate, tuple[Reason, ...]]:
    """What a record comes to, and all that is wrong with it, which its settlement would name the first of."""
    read = record.flaw or reading(feed, record.body, record.received_at)
    if isinstance(read, Reason):
        return Fate(Outcome.REJECTED), (read,)
    fate = fate_of(record, read, states.get(ref_of(record)), feed.keeps_days, rights)
    own = (fate.reason,) if fate.reason and fate.reason not in read.warnings else ()
    return fate, (*own, *read.warnings)


def by_rule(checked: Sequence[Checked]) -> list[tuple[str, int]]:
    """How many records each rule is about, the most frequent first."""
    rules = Counter(rule for one in checked for rule in {trouble.reason.rule for trouble in one.troubles})
    return rules.most_common()


def told(given: Delivered, checked: Sequence[Checked]) -> dict[str, Any]:
    """The report for programs."""
    counts = Counter(str(one.outcome) for one in checked)
    return {
        "summary": summary(counts), "dry_run": True, "source": given.source, "feed": given.feed.name,
        "records_read": len(checked), "outcomes": counts, "rules": dict(by_rule(checked)),
        "records": [_line(one) for one in checked],
    }  # fmt: skip


def _line(one: Checked) -> dict[str, Any]:
    problems = [{"line": told.line, **told.reason.model_dump(mode="json")} for told in one.troubles]
    members = {"record": one.n, "line": one.line, "id": one.external_id, "outcome": one.outcome, "problems": problems}
    event = one.matched or one.event
    shown = event.model_dump(mode="json", exclude_defaults=True) if event else {}
    return {**members, "vacancy": shown.get("vacancy"), "derived": shown.get("derived"), "eures": _eures(one)}


def _eures(one: Checked) -> dict[str, Any] | None:
    if (found := one.eures) is None:
        return None
    return {"problems": [reason.model_dump(mode="json") for reason in found.told], "xml": found.xml}
