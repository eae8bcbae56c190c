"""What is said to Elasticsearch: a vacancy, a query, an order and the counts in its words, and its answers in ours."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson

from pendler.esco import PREFIX
from pendler.searchable import Searchable, near
from pendler.wanted import Said, Wanted
from pendler.wording import Phrase
from schemas.query import Origin, Shown, Sort
from schemas.vacancy import Status
from services.search.index import BANDS, BadCursor, Count, Hit, Page

TITLE_COUNTS = 3.0
BAD_CURSOR = BadCursor("this cursor belongs to no search in this order; start again without it")
MOST_VALUES = 100
CHUNK_BYTES = 900_000
LONGEST_ID = 512  # bytes
Json = dict[str, Any]
FACETS = {"country": "country", "nuts": "region", "occupation": "main", "source": "source"}
KEYWORDS = ("ref", "point", "status", "source", "country", "nuts", "region", "occupation", "main", "trait")
MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        **{name: {"type": "keyword"} for name in KEYWORDS},
        **{name: {"type": "text", "analyzer": "whitespace"} for name in ("title", "body")},
        **{name: {"type": "long"} for name in ("order", "published", "deadline", "positions", "pay")},
        "at": {"type": "geo_point"},
    },
}


def narrowing(wanted: Wanted) -> Json:
    """The filters on what is counted by value, by facet."""
    sets = {
        "country": wanted.countries,
        "nuts": wanted.nuts,
        "occupation": wanted.occupations,
        "source": wanted.sources,
    }
    return {name: {"terms": {name: sorted(values)}} for name, values in sets.items() if values}


def query(wanted: Wanted) -> Json:
    """All that is wanted but for `narrowing`."""
    filters = [_phrase(one) for one in wanted.phrases] + _said(wanted)
    unwanted = [_word(one) for one in wanted.without] + [_phrase(one) for one in wanted.without_phrases]
    active = {"term": {"status": Status.ACTIVE}}
    if wanted.shown is Shown.ACTIVE:
        filters.append(active)
    if wanted.shown is Shown.CLOSED:
        unwanted.append(active)
    if wanted.since:
        filters.append({"range": {"published": {"gte": wanted.since}}})
    return {"bool": {"filter": filters, "must": [_word(one) for one in wanted.words], "must_not": unwanted}}


def _said(wanted: Wanted) -> list[Json]:
    """Of filters on what many do not say: those that meet them all, those that might, or both."""
    met: list[Json] = [{"terms": {"trait": sorted(one.met)}} for one in wanted.filters]
    might: list[Json] = [{"terms": {"trait": sorted(one.met | one.unsaid)}} for one in wanted.filters]
    if wanted.pay:
        enough = {"range": {"pay": {"gte": wanted.pay}}}
        met, might = [*met, enough], [*might, {"bool": {"should": [enough, {"term": {"pay": 0}}]}}]
    if wanted.said is Said.UNSAID:
        return [*might, {"bool": {"must_not": {"bool": {"filter": met}}}}]
    return met if wanted.said is Said.MET else might


def _word(alternatives: Sequence[str]) -> Json:
    """Any of the terms. A code counts as much as a word in the text."""
    codes = [term for term in alternatives if term.startswith(PREFIX)]
    texts = [term for term in alternatives if not term.startswith(PREFIX)]
    title = [{"term": {"title": {"value": term, "boost": TITLE_COUNTS}}} for term in texts]
    body = [{"term": {"body": {"value": term}}} for term in texts]
    coded = [{"term": {name: {"value": code}}} for code in codes for name in ("occupation", "trait")]
    return {"bool": {"should": [*title, *body, *coded]}} if alternatives else {"match_none": {}}


def _phrase(phrase: Phrase) -> Json:
    return {"bool": {"should": [_spans(name, placed) for name in ("title", "body") for placed in phrase]}}


def _spans(name: str, placed: Sequence[tuple[int, str]]) -> Json:
    """The words at their places: what stands between them is a gap of just that width."""
    clauses: list[Json] = []
    end = 0
    for at, term in placed:
        clauses += [{"span_gap": {name: at - end}}] * (at > end)
        clauses.append({"span_term": {name: term}})
        end = at + 1
    return {"span_near": {"clauses": clauses, "slop": 0, "in_order": True}}


def banded(asked: Json, origin: Origin, km: float) -> Json:
    """The query, with a point for each circle that a vacancy lies in. Its earth is ours within a metre or so."""
    circles = [{"constant_score": {"filter": circle(origin, end)}} for end in BANDS if end < km]
    return {"bool": {"filter": [asked], "should": circles}}


def order(sort: Sort) -> list[Json]:
    """Every order is total: it ends with the ref."""
    scored: list[Json] = [{"_score": "desc"}]
    first = {Sort.DEADLINE: [{"deadline": "asc"}], Sort.RELEVANCE: scored, Sort.NEAREST: scored}
    return [*first.get(sort, []), {"published": "desc"}, {"ref": "asc"}]


_POSTS: Json = {"posts": {"sum": {"field": "positions"}}}


def counted(narrow: Json) -> Json:
    """Ads and posts over all hits, and by value of each facet, whose own filter then does not count."""
    return {
        "all": {"filter": _all(narrow.values()), "aggs": _POSTS},
        **{name: _facet(name, [one for other, one in narrow.items() if other != name]) for name in FACETS},
    }


def _facet(name: str, others: list[Json]) -> Json:
    return {
        "filter": _all(others),
        "aggs": {"values": {"terms": {"field": FACETS[name], "size": MOST_VALUES}, "aggs": _POSTS}},
    }


def _all(filters: Iterable[Json]) -> Json:
    return {"bool": {"filter": list(filters)}}


def facets(counted: Json) -> dict[str, dict[str, Count]]:
    return {
        name: {
            bucket["key"]: Count(bucket["doc_count"], int(bucket["posts"]["value"]))
            for bucket in counted[name]["values"]["buckets"]
        }
        for name in FACETS
    }


def hit(found: Json, origin: Origin | None) -> Hit:
    points = map(point, found["fields"].get("point", ()))
    return Hit(found["fields"]["ref"][0], near(origin, points) if origin else None)


def document(one: Searchable) -> Json:
    points = sorted(one.points)
    return {
        "ref": one.ref,
        "status": one.status,
        "source": one.source,
        "order": one.order,
        "positions": one.positions,
        "country": sorted(one.countries),
        "nuts": sorted(one.nuts),
        "region": sorted(code for code in one.nuts if len(code) == 5),
        "occupation": sorted(one.occupations),
        "main": one.main_occupation,
        "title": " ".join(one.title),
        "body": " ".join(one.body),
        "published": one.published,
        "deadline": one.deadline,
        "trait": sorted(one.traits),
        "pay": one.pay,
        "point": [f"{lat},{lon}" for lat, lon in points],
        "at": [{"lat": lat, "lon": lon} for lat, lon in points],
    }


def circle(origin: Origin, km: float) -> Json:
    return {"geo_distance": {"distance": f"{max(km, 0.001)}km", "at": {"lat": origin.lat, "lon": origin.lon}}}


def point(text: str) -> tuple[float, float]:
    lat, _, lon = text.partition(",")
    return float(lat), float(lon)


def action(kind: str, document: Json | None, ref: str, order: int | None = None) -> bytes:
    guard = {} if order is None else {"version": order, "version_type": "external_gte"}
    lines = [{kind: {"_id": identity(ref), **guard}}, *([document] if document else [])]
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def bodies(actions: Iterator[bytes]) -> Iterator[bytes]:
    """The actions in requests of a size that the engine likes."""
    body = bytearray()
    for action in actions:
        body += action
        if len(body) >= CHUNK_BYTES:
            yield bytes(body)
            body.clear()
    if body:
        yield bytes(body)


def identity(ref: str) -> str:
    """The ref, or what stands for it where it is longer than the engine allows."""
    raw = ref.encode()
    return ref if len(raw) <= LONGEST_ID else sha256(raw).hexdigest()


def cursor_of(sort: Sort, last: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([sort, *last])).decode().rstrip("=")


def after_of(page: Page) -> list[Any] | None:
    """The sort values of the last hit; the engine itself refuses those that are none."""
    if not page.cursor:
        return None
    try:
        sort, *last = orjson.loads(base64.urlsafe_b64decode(page.cursor + "=="))
    except (ValueError, TypeError):
        raise BAD_CURSOR from None
    if sort != page.sort:
        raise BAD_CURSOR
    return list(last)
