"""A new pack applied to what is there: `vacancy.normalised` is replayed with it while the old answers serve.

A vacancy keeps its revision and gets a higher enrichment: search takes the newer version, notify sees no news in it.
What has this enrichment already is left alone, so a second run goes on where the first stopped. Match may work on
meanwhile, and should do so with the new pack: restart it first. Where it published a newer version of a vacancy
before the recoded older one came to lie behind it, the newer one is put last again, so compaction keeps it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pendler.bus import Bus, Record, decode
from pendler.service import Fact, Reject
from schemas.event import Erased, VacancyMatched, VacancyNormalised

Match = Callable[[Sequence[Fact]], Sequence[VacancyMatched | Erased]]
BATCH = 300
SAMPLE = 50


@dataclass
class Report:
    """What a recoding did: vacancies by fate, the commonest changes, and a sample of them, the same each time."""

    enrichment: int
    counts: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    sample: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def note(self, old: str | None, event: VacancyMatched) -> None:
        new = main_occupation(event)
        self.counts["recoded"] += 1
        if old == new:
            return
        self.counts["changed" if old and new else "gained" if new else "lost"] += 1
        self.moves[old, new] += 1
        told = {"ref": event.ref, "title": event.vacancy.title if event.vacancy else None, "from": old, "to": new}
        self.sample.append((crc32(event.ref.encode()), told))
        self.sample = sorted(self.sample, key=lambda one: (one[0], one[1]["ref"]))[:SAMPLE]

    def document(self) -> dict[str, Any]:
        """The report as one JSON object."""
        moves = [{"from": old, "to": new, "count": count} for (old, new), count in self.moves.most_common(SAMPLE)]
        return {
            "enrichment": self.enrichment,
            **{name: self.counts[name] for name in ("recoded", "changed", "gained", "lost", "left_alone", "restored")},
            "moves": moves,
            "sample": [told for _, told in self.sample],
        }


def main_occupation(event: VacancyMatched) -> str | None:
    """The likeliest occupation of a vacancy, as a URI."""
    return event.derived.occupations[0].uri if event.derived.occupations else None


async def recode(bus: Bus, match: Match, enrichment: int) -> Report:
    """Replays what is normalised with the pack of this number; what it came to."""
    report, old, gone = Report(enrichment), await _known(bus), await _erased(bus)
    batch: dict[str, VacancyNormalised] = {}
    async for record in bus.scan(VacancyNormalised.topic.name):
        fact = _read(record)
        if not isinstance(fact, VacancyNormalised) or fact.ref in gone:
            continue
        if old.get(fact.ref, (0, None))[0] > fact.revision * 1_000_000 + enrichment - 1:
            report.counts["left_alone"] += 1
            continue
        batch[fact.ref] = fact
        if len(batch) == BATCH:
            await _publish(bus, match, batch, old, report)
    await _publish(bus, match, batch, old, report)
    await _restore(bus, report)
    return report


async def _known(bus: Bus) -> dict[str, tuple[int, str | None]]:
    """Of each vacancy the newest version that is matched, and its occupation."""
    known: dict[str, tuple[int, str | None]] = {}
    async for record in bus.scan(VacancyMatched.topic.name):
        fact = _read(record)
        if isinstance(fact, Erased):
            known.pop(fact.ref, None)
        elif isinstance(fact, VacancyMatched) and fact.order >= known.get(fact.ref, (0, None))[0]:
            known[fact.ref] = (fact.order, main_occupation(fact))
    return known


async def _publish(
    bus: Bus,
    match: Match,
    batch: dict[str, VacancyNormalised],
    old: dict[str, tuple[int, str | None]],
    report: Report,
) -> None:
    events = [_as_enrichment(event) for event in match(list(batch.values()))]
    await bus.publish(events)
    for event in events:
        if isinstance(event, VacancyMatched):
            report.note(old.get(event.ref, (0, None))[1], event)
            old[event.ref] = (event.order, main_occupation(event))
    batch.clear()


def _as_enrichment(event: VacancyMatched | Erased) -> VacancyMatched | Erased:
    """An open vacancy that changes because its codes do says so."""
    if isinstance(event, Erased) or not event.is_open:
        return event
    return event.model_copy(update={"reason": "enrichment"})


async def _restore(bus: Bus, report: Report) -> None:
    """Puts the newest version of a vacancy last again where an older one lies behind it; what is erased, erased."""
    newest: dict[str, tuple[int, Record]] = {}
    behind: set[str] = set()
    async for record in bus.scan(VacancyMatched.topic.name):
        fact = _read(record)
        if isinstance(fact, Erased):
            newest.pop(fact.ref, None)
            behind.discard(fact.ref)
        elif isinstance(fact, VacancyMatched) and fact.order >= newest.get(fact.ref, (0, record))[0]:
            newest[fact.ref] = (fact.order, record)
            behind.discard(fact.ref)
        elif isinstance(fact, VacancyMatched):
            behind.add(fact.ref)
    gone = (await _erased(bus)) & newest.keys()
    await bus.put([newest[ref][1] for ref in sorted(behind - gone)])
    await bus.publish([Erased(ref, VacancyMatched.topic.name) for ref in sorted(gone)])
    report.counts["restored"] += len(behind | gone)


async def _erased(bus: Bus) -> set[str]:
    """The vacancies of which the last that ingest said is to forget them."""
    erased: set[str] = set()
    async for record in bus.scan(VacancyNormalised.topic.name):
        (erased.discard if record.value is not None else erased.add)(record.key)
    return erased


def _read(record: Record) -> Fact | None:
    try:
        return decode(record)
    except Reject:
        return None
