"""Norway: the XML in which recruitment systems hand advertisements in to NAV, HR-XML 2.x within SOAP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Item, Reading
from services.ingest.feeds import hrxml
from services.ingest.fields import dates, strict
from services.ingest.fields.cut import xml_cut
from services.ingest.fields.html import sanitise
from services.ingest.fields.record import Node, Notes

DETAILS = "PositionProfile/PositionDateInfo"
POSTED = "PositionPostings/PositionPosting/Id/IdValue"
deadline = partial(dates.deadline, zone="Europe/Oslo")


def split(raw: bytes) -> Iterator[Item]:
    """Each PositionOpening in its envelope."""
    return xml_cut(raw, ("PositionOpening",), lambda opening: opening.text(POSTED, 300))


def normalise(body: str, now: datetime) -> Reading:
    """One opening as HR-XML, with what this dialect means: its last day, Norway where no country stands."""
    opening = Node(strict.xml_document(body.encode()), Notes())
    read = hrxml.read(opening, hrxml.DIALECTS["PositionOpening"], now)
    about = sanitise(opening.markup("PositionProfile/Organization"))[1] or None
    known: dict[str, object] = {
        "expires": opening.read(f"{DETAILS}/MaximumEndDate", deadline),
        "locations": tuple(map(_in_norway, read.vacancy.locations)) or (v.Location(country="NO"),),
        "employer": read.vacancy.employer.model_copy(update={"description": about}),
    }
    return replace(read, vacancy=read.vacancy.model_copy(update=known), warnings=tuple(opening.notes.reasons))


def _in_norway(place: v.Location) -> v.Location:
    return place if place.country else place.model_copy(update={"country": "NO"})


FEED = Feed(
    name="no_nav_xmlstilling",
    title="Norway: NAV's XML for recruitment systems",
    country="NO",
    media_types=("application/xml", "text/xml"),
    split=split,
    normalise=normalise,
    documentation=(
        "PositionOpening of HR-XML 2.x in SOAP, as recruitment systems hand it in to NAV. The number of the posting is "
        "the identifier, MaximumEndDate the last day it is shown. Texts may be HTML, escaped or not."
    ),
)
