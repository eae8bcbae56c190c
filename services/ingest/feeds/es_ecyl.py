"""Spain: offers of the employment service of Castile and León (ECYL), from its open data, a CSV."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.cut import csv_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Notes, Record

instant = partial(dates.instant, zone="Europe/Madrid")
ELSEWHERE = "Otra"
ABROAD = ("europa", "resto del mundo")


def split(raw: bytes) -> Iterator[Item]:
    """All open offers as CSV with semicolons, with or without a byte-order mark; texts have line breaks."""
    return csv_cut(raw, ";", "identificador")


def normalise(body: str, now: datetime) -> Reading:
    """One row. It names no employer and no end."""
    row = Record(strict_json.json_record(body), Notes())
    identifier = strict.external_id(row.value("/identificador"), "/identificador")
    title = plain(row.text("/titulo"))
    if not title:
        raise Flaw("title-missing", "/titulo", hint="an offer needs a title")
    html, text = sanitise(row.text("/descripcion", 100_000) or "", lines=True)
    published = row.read("/fecha_publicacion", instant)
    updated = row.read("/actualizacionmetadatos", instant)
    page = row.read("/enlace_al_contenido", strict.web_address)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=page),
        profiles=(v.Profile(language="es", title=title, html=html, text=text),),
        locations=_locations(row),
        published=row.notes.keep(dates.not_after(published, now, "/fecha_publicacion")),
        updated=row.notes.keep(dates.not_after(updated, now, "/actualizacionmetadatos")),
        apply=v.Apply(url=page),
        demonstration=row.read("/demonstration", codes.truth) or False,
        extra=row.stated(source="/fuentecontenido", province_code="/codigo_localidad", area="/provinciaalternativa"),
    )
    return Reading(vacancy, warnings=tuple(row.notes.reasons))


def _locations(row: Record) -> tuple[v.Location, ...]:
    """A town of the region, or a wider area by its name; an area abroad says no country."""
    province, area = row.text("/provincia"), row.text("/provinciaalternativa")
    lat, lon = codes.coordinates(row.notes, "/latitud", row.text("/latitud"), row.text("/longitud"))
    known = province if province != ELSEWHERE else None
    abroad = not known and (area or "").casefold() in ABROAD
    place = v.Location(
        country=None if abroad else "ES",
        city=row.text("/localidad", 200),
        address=known or area,
        lat=lat,
        lon=lon,
    )
    return (place,)


FEED = Feed(
    name="es_ecyl",
    title="Spain: ECYL, Castile and León",
    country="ES",
    media_types=("text/csv",),
    split=split,
    normalise=normalise,
    documentation=(
        "The open data of the employment service of Castile and León: a CSV with semicolons and the service's heading. "
        "identificador is the identifier. Offers are written in Spanish; they name neither employer nor end, and of "
        "a post abroad no country."
    ),
)
