"""Does every record have its outcome, and is every open vacancy where it should be? Promise 1, checked from outside.

    accepted = published + unchanged + superseded + rejected + closed + held + pending

and, by (ref, version): open in ingest = visible in the index + set aside + in flight. What is left over is named.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from pendler import tracing
from pendler.bus import Bus, dead_topic, decode
from pendler.metrics import UNACCOUNTED
from pendler.service import Ledger, Reject, Service
from schemas.event import EVENTS, Event, Outcome, VacancyState

NAMED, TRIES, PAUSE = 100, 5, 0.5


async def audit(services: Sequence[Service], bus: Bus) -> dict[str, Any]:
    """The books of all services, compared. They move while they are read; a difference counts only if it stays."""
    report = await compare(services, bus)
    for _ in range(TRIES - 1):
        if not report["unaccounted"]:
            break
        await asyncio.sleep(PAUSE)
        report = await compare(services, bus)
    UNACCOUNTED.set(report["unaccounted"])
    return report


async def compare(services: Sequence[Service], bus: Bus) -> dict[str, Any]:
    """What the books say at this moment. `unaccounted` counts everything that does not add up."""
    ledgers = {service.name: await service.ledger() for service in services if service.ledger}
    flying = await _in_flight(services, bus)
    aside = await _set_aside(services, bus)
    counts = dict(ledgers["ingest"].counts)
    records = counts["accepted"] - sum(counts[name] for name in (*Outcome, "pending"))
    differing = _differing(ledgers["ingest"], ledgers["search"], flying, aside)
    return {
        **counts,
        "open_in_ingest": len(ledgers["ingest"].open),
        "visible_in_index": len(ledgers["search"].open),
        "in_flight": len(flying),
        "set_aside": {stage: sum(count.values()) for stage, count in aside.items() if count},
        "unaccounted": abs(records) + len(differing),
        "records_unaccounted": records,
        "vacancies_differing": differing[:NAMED],
    }


def _differing(
    known: Ledger, visible: Ledger, flying: Mapping[str, int], aside: Mapping[str, Counter[str]]
) -> list[dict[str, Any]]:
    """Refs whose open version is not the visible one, though nothing about them is on its way or set aside."""
    excused = set(flying).union(*(count.keys() for count in aside.values()))
    refs = sorted((known.open.keys() | visible.open.keys()) - excused)
    versions = ((ref, known.open.get(ref), visible.open.get(ref)) for ref in refs)
    return [{"ref": ref, "ingest": there, "index": here} for ref, there, here in versions if there != here]


async def _in_flight(services: Sequence[Service], bus: Bus) -> dict[str, int]:
    """The newest version of each vacancy that lies past the position of a service that handles it."""
    flying: dict[str, int] = {}
    for service, event in _handled(services):
        async for record in bus.scan(event.topic.name, past=service.name):
            try:
                fact = decode(record)
            except Reject:
                continue
            if isinstance(fact, VacancyState):
                flying[fact.ref] = max(fact.revision, flying.get(fact.ref, 0))
    return flying


async def _set_aside(services: Sequence[Service], bus: Bus) -> dict[str, Counter[str]]:
    """What lies in the dead letters, by stage and key."""
    return {
        f"{service.name} of {event.topic.name}": Counter(
            [record.key async for record in bus.scan(dead_topic(event.topic.name, service.name))]
        )
        for service, event in _handled(services)
    }


def _handled(services: Sequence[Service]) -> list[tuple[Service, type[Event]]]:
    """Who handles vacancies on their way to the index, and on which topic: who passes them on or keeps books."""
    passing = [
        service for service in services if service.ledger or any(issubclass(e, VacancyState) for e in service.emits)
    ]
    return [(service, event) for service in passing for event in service.handlers if issubclass(event, VacancyState)]


async def trace(services: Sequence[Service], bus: Bus, ref: str) -> list[dict[str, Any]]:
    """Every hop of one vacancy: its records and events on the bus in order, then what each service knows of it."""
    hops: list[dict[str, Any]] = []
    for topic in (*EVENTS, *(dead_topic(event.topic.name, service.name) for service, event in _handled(services))):
        async for record in bus.scan(topic, key=ref):
            hops.append({"hop": topic, "at": record.at, "offset": record.offset, **_told(record.value, record.headers)})
    hops.sort(key=lambda hop: (hop["at"], hop["offset"]))
    for service in services:
        if service.trace:
            hops.extend({"service": service.name, **hop} for hop in await service.trace(ref))
    return hops


def _told(value: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
    if value is None:
        return {"tombstone": True}
    shown = ("revision", "enrichment", "status", "outcome", "transfer", "n", "reason")
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        body = {}
    extra = {"error": "dead_error", "trace": tracing.HEADER}
    known = {name: headers[header] for name, header in extra.items() if header in headers}
    return {name: body[name] for name in shown if name in body} | known
