"""Latvia: vacancies of the State Employment Agency (NVA), from its open data, a CSV of all that are open."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.cut import csv_cut
from services.ingest.fields.html import plain
from services.ingest.fields.pay import between, stated
from services.ingest.fields.record import Notes, Record

instant = partial(dates.instant, zone="Europe/Riga")
deadline = partial(dates.deadline, zone="Europe/Riga")
schedule = codes.listed(
    {
        "viena vesela slodze": v.Schedule.FULL_TIME,
        "nepilna slodze": v.Schedule.PART_TIME,
        "nepilna darba nedēļa": v.Schedule.PART_TIME,
    }
)
MOST_AN_HOUR = 30
"""Euros. The column does not say whether pay is for an hour or a month; nobody earns as little a month."""
_NOT_A_TOWN = re.compile(r"\d| (?:iela|pag\.|nov\.|bulvāris|prospekts|gatve|ceļš|šoseja)$")


def split(raw: bytes) -> Iterator[Item]:
    """The whole register as CSV with commas, with or without a byte-order mark."""
    return csv_cut(raw, ",", "Vakances_Nr")


def normalise(body: str, now: datetime) -> Reading:
    """One row. The text of the advertisement is behind its link only."""
    row = Record(strict_json.json_record(body), Notes())
    identifier = strict.external_id(row.value("/Vakances_Nr"), "/Vakances_Nr")
    title = plain(row.text("/Vakances_nosaukums"))
    if not title:
        raise Flaw("title-missing", "/Vakances_nosaukums", hint="a vacancy needs an occupation")
    updated = row.notes.keep(
        dates.not_after(row.read("/Aktualizacijas_datums", instant), now, "/Aktualizacijas_datums")
    )
    page = row.read("/Vakances_paplasinats_apraksts", strict.web_address)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=page),
        profiles=(v.Profile(language="lv", title=title),),
        employer=v.Employer(legal_id=row.text("/Iestades_registracijas_numurs")),
        locations=_locations(row),
        schedule=row.read("/Slodzes_tips", schedule),
        apply_by=row.read("/Pieteiksanas_termins", deadline),
        published=updated,
        updated=updated,
        pay=_pay(row),
        apply=v.Apply(url=page),
        demonstration=row.read("/demonstration", codes.truth) or False,
        extra=row.stated(
            category="/Vakances_kategorija", working_time="/Darba_laika_veids", hours="/Darba_stundas_nedela"
        ),
    )
    return Reading(vacancy, warnings=tuple(row.notes.reasons))


def _locations(row: Record) -> tuple[v.Location, ...]:
    """An address goes from the house up: the last part that is neither county nor parish nor street is the town."""
    address = row.text("/Vieta")
    if not address:
        return (v.Location(country="LV"),)
    parts = [part.strip() for part in address.split(",")]
    town = next((part for part in reversed(parts) if part and not _NOT_A_TOWN.search(part)), None)
    return (v.Location(country="LV", city=town and town[:200], address=address),)


def _pay(row: Record) -> v.Pay | None:
    low, high = between(row.notes, "/Alga_no", (row.text("/Alga_no"), row.text("/Alga_lidz")))
    hourly = max(low or 0, high or 0) < MOST_AN_HOUR
    return stated(low, high, "EUR", v.Interval.HOUR if hourly else v.Interval.MONTH)


FEED = Feed(
    name="lv_nva",
    title="Latvia: NVA",
    country="LV",
    media_types=("text/csv",),
    split=split,
    normalise=normalise,
    documentation=(
        "The open data of the Latvian State Employment Agency: a CSV with commas and the agency's heading. "
        "Vakances_Nr is the identifier. Employers are known by their registration number; the text of an "
        "advertisement is behind its link. Pay below 30 euros is for an hour, other pay for a month."
    ),
)
