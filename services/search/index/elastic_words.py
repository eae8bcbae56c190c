"""What is said to Elasticsearch: a vacancy, a query, an order and the counts in its words, and its answers in ours."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson

from pendler.searchable import Searchable, Wanted, near
from schemas.query import Origin, Shown, Sort
from schemas.vacancy import Status
from services.search.index import Count, Hit

TITLE_COUNTS = 3.0
MOST_VALUES = 100
CHUNK_BYTES = 5_000_000
LONGEST_ID = 512  # bytes
Json = dict[str, Any]
FACETS = {"country": "country", "nuts": "region", "occupation": "main", "source": "source"}
KEYWORDS = ("ref", "point", "status", "source", "country", "nuts", "region", "occupation", "main")
MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        **{name: {"type": "keyword"} for name in KEYWORDS},
        **{name: {"type": "text", "analyzer": "whitespace"} for name in ("title", "body")},
        **{name: {"type": "long"} for name in ("order", "published", "deadline", "positions")},
        "at": {"type": "geo_point"},
    },
}


def query(wanted: Wanted) -> Json:
    sets = {
        "country": wanted.countries,
        "nuts": wanted.nuts,
        "occupation": wanted.occupations,
        "source": wanted.sources,
    }
    filters: list[Json] = [{"terms": {name: sorted(values)}} for name, values in sets.items() if values]
    active = {"term": {"status": Status.ACTIVE}}
    if wanted.shown is not Shown.ANY:
        filters.append(active if wanted.shown is Shown.ACTIVE else {"bool": {"must_not": active}})
    return {"bool": {"filter": filters, "must": [_word(alternatives) for alternatives in wanted.words]}}


def _word(alternatives: Sequence[str]) -> Json:
    title = [{"term": {"title": {"value": term, "boost": TITLE_COUNTS}}} for term in alternatives]
    body = [{"term": {"body": {"value": term}}} for term in alternatives]
    return {"bool": {"should": [*title, *body]}} if alternatives else {"match_none": {}}


def order(sort: Sort, origin: Origin | None) -> list[Json]:
    """Every order is total: it ends with the ref. Distances are the engine's here, and right within a metre."""
    newest: list[Json] = [{"published": "desc"}, {"ref": "asc"}]
    if sort is Sort.NEAREST and origin:
        at = {"lat": origin.lat, "lon": origin.lon}
        return [{"_geo_distance": {"at": at, "order": "asc", "unit": "km", "mode": "min"}}, *newest]
    first: dict[Sort, list[Json]] = {Sort.DEADLINE: [{"deadline": "asc"}], Sort.RELEVANCE: [{"_score": "desc"}]}
    return [*first.get(sort, []), *newest]


_POSTS: Json = {"posts": {"sum": {"field": "positions"}}}
COUNTED: Json = {
    **_POSTS,
    **{name: {"terms": {"field": field, "size": MOST_VALUES}, "aggs": _POSTS} for name, field in FACETS.items()},
}


def facets(counted: Json) -> dict[str, dict[str, Count]]:
    return {
        name: {
            bucket["key"]: Count(bucket["doc_count"], int(bucket["posts"]["value"]))
            for bucket in counted[name]["buckets"]
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
