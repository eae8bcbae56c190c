"""A feed without code: the CSV, JSON or XML of a source, read as its mapping says."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Members
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import zip_longest
from typing import TypeVar

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, pay, strict, strict_json
from services.ingest.fields.cut import csv_cut, json_cut, xml_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Node, Notes, Record
from services.ingest.fields.strict import Reader
from services.ingest.mapping import Mapping

E = TypeVar("E", bound=StrEnum)
UNTRIED = " Made from published field names: not yet tried on real records."
MEDIA = {
    "csv": ("text/csv",),
    "json": ("application/json", "application/x-ndjson"),
    "xml": ("application/xml", "text/xml"),
}


def feed_of(mapping: Mapping) -> Feed:
    """The feed that a mapping describes."""
    return Feed(
        name=mapping.name,
        title=mapping.title,
        country=mapping.country,
        media_types=MEDIA[mapping.format],
        split=partial(split, mapping),
        normalise=partial(normalise, mapping),
        documentation=mapping.documentation.strip() + ("" if mapping.tried else UNTRIED),
    )


def split(mapping: Mapping, raw: bytes) -> Iterator[Item]:
    """The rows of a CSV; the elements of an XML; the records of an answer, a list, one alone, or one on each line."""
    if mapping.format == "csv":
        return csv_cut(raw, mapping.delimiter, mapping.id.removeprefix("/"))
    if mapping.format == "xml":
        return xml_cut(raw, mapping.records, lambda node: _identifier(mapping, node.members()))
    marks = (mapping.id.split("/")[1], mapping.fields.title.split("/")[1])
    return json_cut(raw, mapping.records, marks, partial(_identifier, mapping))


def _identifier(mapping: Mapping, members: Members[str, object]) -> object:
    return Record(members, Notes()).value(mapping.id)


def normalise(mapping: Mapping, body: str, now: datetime) -> Reading:
    """One record. What the mapping does not name is not stated."""
    record, at = Record(_members(mapping, body), Notes()), mapping.at
    zone = dates.ZONES.get(mapping.country, "UTC")
    instant, deadline = (
        _written(mapping.dates, partial(reader, zone=zone)) for reader in (dates.instant, dates.deadline)
    )
    page = _read(record, at.url, strict.web_address)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=strict.external_id(record.value(mapping.id), mapping.id), url=page),
        profiles=(_profile(mapping, record),),
        employer=v.Employer(name=plain(_text(record, at.employer)), legal_id=_text(record, at.employer_id)),
        locations=_locations(mapping, record),
        schedule=_read(record, at.schedule, _words(v.Schedule, mapping.schedules)),
        offering=_read(record, at.offering, _words(v.Offering, mapping.offerings)),
        positions=_read(record, at.positions, codes.posts),
        apply_by=_read(record, at.apply_by, deadline),
        published=_past(record, at.published, instant, now),
        updated=_past(record, at.updated, instant, now),
        expires=_read(record, at.expires, deadline),
        pay=_pay(mapping, record),
        apply=v.Apply(url=page),
        demonstration=_true(record, at.demonstration),
        extra=record.stated(**mapping.extra),
    )
    return Reading(vacancy, warnings=tuple(record.notes.reasons))


def _members(mapping: Mapping, body: str) -> Members[str, object]:
    """The members of a record, and what every record of the source says."""
    constants = {f"={name}": value for name, value in mapping.constants.items()}
    if mapping.format == "xml":
        return {**Node(strict.xml_document(body.encode()), Notes()).members(), **constants}
    return {**strict_json.json_record(body), **constants} if constants else strict_json.json_record(body)


def _written(forms: Sequence[str], reader: Reader[datetime]) -> Reader[datetime]:
    """A reader of dates, of these forms, too."""

    def read(value: str | None, at: str) -> strict.Read[datetime]:
        for form in forms if value else ():
            with suppress(ValueError):
                moment = datetime.strptime((value or "").strip(), form)
                return reader(moment.isoformat() if "%H" in form else f"{moment:%Y-%m-%d}", at)
        return reader(value, at)

    return read if forms else reader


def _words(kind: type[E], table: Members[str, E | None]) -> Reader[E]:
    """The source's own words, and ours."""
    return codes.listed({one.value.casefold(): one for one in kind} | dict(table))


def _pay(mapping: Mapping, record: Record) -> v.Pay | None:
    at, told = mapping.at, _text(record, mapping.at.pay)
    written = (_text(record, at.pay_from), _text(record, at.pay_to))
    if not any(written):
        return pay.stated(source_text=told)
    low, high = pay.between(record.notes, at.pay_from or at.pay_to or "", written)
    interval = _read(record, at.pay_per, _words(v.Interval, mapping.intervals))
    return pay.stated(low, high, _read(record, at.currency, codes.currency), interval, told)


def _profile(mapping: Mapping, record: Record) -> v.Profile:
    title = plain(record.text(mapping.fields.title))
    if not title:
        raise Flaw("title-missing", mapping.fields.title, hint="a vacancy needs a title")
    html, text = sanitise(_text(record, mapping.at.text, 100_000) or "", lines=True)
    return v.Profile(language=mapping.language, title=title, html=html, text=text)


def _locations(mapping: Mapping, record: Record) -> tuple[v.Location, ...]:
    """Towns and their postcodes; where one has more than the other, they cannot be paired, and towns count alone."""
    cities, postcodes = (_each(record, pointer) for pointer in (mapping.at.city, mapping.at.postcode))
    if cities and len(cities) != len(postcodes):
        postcodes = []
    places = [
        v.Location(
            country=mapping.country,
            city=record.notes.line(city, mapping.at.city or "", 200),
            postcode=record.notes.line(code, mapping.at.postcode or "", 20),
        )
        for city, code in zip_longest(cities, postcodes)
    ]
    return tuple(dict.fromkeys(places or [v.Location(country=mapping.country)]))[:100]


def _each(record: Record, pointer: str | None) -> list[str]:
    found = record.value(pointer) if pointer else None
    if isinstance(found, list):
        return [one for one in found if isinstance(one, str)]
    one = _text(record, pointer)
    return [one] if one else []


def _text(record: Record, pointer: str | None, limit: int = 500) -> str | None:
    return record.text(pointer, limit) if pointer else None


def _read(record: Record, pointer: str | None, reader: Reader[strict.T]) -> strict.T | None:
    return record.read(pointer, reader) if pointer else None


def _past(record: Record, pointer: str | None, reader: Reader[datetime], now: datetime) -> datetime | None:
    found = _read(record, pointer, reader)
    return record.notes.keep(dates.not_after(found, now, pointer or ""))


def _true(record: Record, pointer: str) -> bool:
    stated_as = record.value(pointer)
    return stated_as is True or (isinstance(stated_as, str) and record.read(pointer, codes.truth) is True)
