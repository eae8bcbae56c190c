"""The index on one machine: tantivy. One process writes, any number read; what is put is committed at once.

tantivy has no geography: each document carries its points as terms, so a circle is the set of those points inside
it, found exactly in Python, and distances need no stored document.
"""

import asyncio
import base64
import fcntl
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import tantivy
from tantivy import Document, FieldType, Occur, Order, Query

from pendler.esco import PREFIX
from pendler.searchable import Searchable
from pendler.service import Unavailable
from pendler.wanted import Said, Wanted
from pendler.wording import Phrase
from schemas.query import Shown, Sort
from schemas.vacancy import Status
from services.search.index import BadCursor, Count, Hit, Hits, Page, band_of
from services.search.index.circle import height, nearest_first, packed

FORMAT = "3"
HEAP = 64_000_000
TITLE_COUNTS = 3.0
MOST_POINTS, MOST_VALUES = 100_000, 100
FACETS = {"country": "country", "nuts": "region", "occupation": "main", "source": "source"}
KEYSETS = {Sort.NEWEST: ("newest", Order.Desc), Sort.DEADLINE: ("deadline", Order.Asc)}
CODED = ("occupation", "trait")
BAND = 1 << 56
"""What the number of a band is multiplied by in a cursor, so that the key of a hit has room beside it."""
T = TypeVar("T")


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("ref", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("point", stored=True, indexed=True, fast=True)
    for name in ("status", "source", "country", "nuts", "region", "occupation", "main"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("trait", tokenizer_name="raw", index_option="basic")
    for name in ("title", "body"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in ("order", "newest", "deadline", "positions", "pay"):
        builder.add_unsigned_field(name, indexed=True, fast=True)
    builder.add_float_field("lat", indexed=True, fast=True)
    return builder.build()


class TantivyIndex:
    """See `services.search.index.Index`."""

    def __init__(self, directory: str, generation: int = 1) -> None:
        self._path = path = Path(directory) / (FORMAT if generation == 1 else f"{FORMAT}-{generation}")
        path.mkdir(parents=True, exist_ok=True)
        self._schema = _schema()
        with (path.parent / "opening").open(
            "w"
        ) as lock:  # two that find nothing would both make it, one over the other
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._index = tantivy.Index(self._schema, str(path))
        self._index.config_reader(reload_policy="manual")
        self._writer: tantivy.IndexWriter | None = None
        self._read = (0, 0)
        self._writing, self._reading = (
            ThreadPoolExecutor(1, "index-write"),
            ThreadPoolExecutor(2, "index-read"),
        )

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    async def put(self, documents: Sequence[Searchable]) -> None:
        await self._on(self._writing, lambda: self._put(documents))

    def _put(self, documents: Sequence[Searchable]) -> None:
        newest = {one.ref: one for one in sorted(documents, key=lambda one: one.order)}
        there = self._orders(newest)
        for ref, one in newest.items():
            if there.get(ref, -1) <= one.order:
                self._open_writer().delete_documents_by_term("ref", ref)
                self._open_writer().add_document(_document(one, self._schema))
        self._open_writer().commit()

    async def delete(self, refs: Sequence[str]) -> None:
        await self._on(self._writing, lambda: self._delete(refs))

    def _delete(self, refs: Sequence[str]) -> None:
        for ref in refs:
            self._open_writer().delete_documents_by_term("ref", ref)
        self._open_writer().commit()

    def _open_writer(self) -> tantivy.IndexWriter:
        """The one writer. Another process may still hold it for the moment its predecessor takes to die."""
        if self._writer is None:
            try:
                self._writer = self._index.writer(HEAP, 1)
            except ValueError as error:
                raise Unavailable(f"the index has another writer: {error}") from error
        return self._writer

    def _searcher(self) -> tantivy.Searcher:
        """What was last put, by whomever: a commit puts another list of its parts in place of the old one."""
        at = (self._path / "meta.json").stat()
        if self._read != (seen := (at.st_ino, at.st_mtime_ns)):
            self._index.reload()
            self._read = seen
        return self._index.searcher()

    def _orders(self, refs: Iterable[str]) -> dict[str, int]:
        return self._versions(Query.term_set_query(self._schema, "ref", list(refs)))

    def _versions(self, query: Query) -> dict[str, int]:
        searcher = self._searcher()
        addresses = [address for _, address in searcher.search(query, limit=max(1, searcher.num_docs)).hits]
        orders: Any = searcher.fast_field_values("order", addresses) if addresses else []
        refs = [searcher.doc(address)["ref"][0] for address in addresses]
        return dict(zip(refs, map(int, orders), strict=True))

    async def check(self) -> str:
        searcher = await self._on(self._reading, self._searcher)
        return f"tantivy {version('tantivy')}, {searcher.num_docs:,} vacancies"

    async def open_versions(self) -> Mapping[str, int]:
        query = Query.term_query(self._schema, "status", Status.ACTIVE)
        return await self._on(self._reading, lambda: self._versions(query))

    async def versions(self) -> Mapping[str, int]:
        return await self._on(self._reading, lambda: self._versions(Query.all_query()))

    async def search(self, wanted: Wanted, page: Page) -> Hits:
        return await self._on(self._reading, lambda: self._search(wanted, page))

    def _search(self, wanted: Wanted, page: Page) -> Hits:
        _number(page)  # a cursor that is none is refused though there be no hits
        searcher = self._searcher()
        narrowing, plain = _facet_filters(self._schema, wanted), _plain_filters(self._schema, wanted)
        points: dict[int, float] = {}
        if wanted.origin:
            points = self._circle(searcher, _all(plain), wanted)
            plain.append(Query.term_set_query(self._schema, "point", list(points)))
        query = _all([*plain, *narrowing.values()])
        total, facets = _counted(searcher, plain, narrowing)
        if page.limit == 0 or total.ads == 0:
            return Hits(total, [], "", facets)
        hits, cursor = self._page(searcher, query, page, points)
        return Hits(total, hits, cursor, facets)

    def _circle(self, searcher: tantivy.Searcher, query: Query, wanted: Wanted) -> dict[int, float]:
        """The points of the query's documents that are near enough, with their distances, nearest first."""
        assert wanted.origin
        middle, reach = wanted.origin.lat, height(wanted.km)
        box = Query.range_query(self._schema, "lat", FieldType.Float, middle - reach, middle + reach)
        asked = {"points": {"terms": {"field": "point", "size": MOST_POINTS}}}
        buckets = searcher.aggregate(_all([query, box]), asked)["points"]["buckets"]
        return nearest_first(wanted, [int(bucket["key"]) for bucket in buckets])

    def _page(
        self, searcher: tantivy.Searcher, query: Query, page: Page, points: Mapping[int, float]
    ) -> tuple[list[Hit], str]:
        if page.sort in KEYSETS:
            return self._keyset(searcher, query, page, points)
        if page.sort is Sort.NEAREST:
            return self._banded(searcher, query, page, points)
        skip, wanted = _number(page), page.limit + 1
        result = searcher.search(query, limit=wanted, offset=skip, count=False)
        found = [_hit(searcher, address, points) for _, address in result.hits]
        return found[: page.limit], _cursor(page.sort, skip + page.limit) if len(found) == wanted else ""

    def _keyset(
        self, searcher: tantivy.Searcher, query: Query, page: Page, points: Mapping[int, float]
    ) -> tuple[list[Hit], str]:
        field, order = KEYSETS[page.sort]
        if page.cursor:
            query = _all([query, self._beyond(field, _number(page), order)])
        found = searcher.search(query, limit=page.limit + 1, order_by_field=field, order=order, count=False).hits
        shown = found[: page.limit]
        cursor = _cursor(page.sort, int(shown[-1][0])) if len(found) > page.limit else ""
        return [_hit(searcher, address, points) for _, address in shown], cursor

    def _beyond(self, field: str, last: int, order: Order) -> Query:
        """What comes after the hit with that key. Bounds that are not given must be inclusive."""
        kind, schema = FieldType.Unsigned, self._schema
        if order is Order.Desc:
            return Query.range_query(schema, field, kind, upper_bound=last, include_upper=False)
        return Query.range_query(schema, field, kind, lower_bound=last, include_lower=False)

    def _banded(
        self, searcher: tantivy.Searcher, query: Query, page: Page, points: Mapping[int, float]
    ) -> tuple[list[Hit], str]:
        """The bands one after another, the newest first in each; a vacancy counts where it is nearest."""
        begun, last = divmod(_number(page), BAND)
        found: list[tuple[int, tantivy.DocAddress]] = []
        for band in sorted({band_of(km) for km in points.values()}):
            if band < begun or len(found) > page.limit:
                continue
            here = _all([query, *self._in_band(points, band)])
            if band == begun and page.cursor:
                here = _all([here, self._beyond("newest", last, Order.Desc)])
            left = page.limit + 1 - len(found)
            hits = searcher.search(here, limit=left, order_by_field="newest", count=False).hits
            found += [(band * BAND + int(key), address) for key, address in hits]
        shown = found[: page.limit]
        cursor = _cursor(page.sort, shown[-1][0]) if len(found) > page.limit else ""
        return [_hit(searcher, address, points) for _, address in shown], cursor

    def _in_band(self, points: Mapping[int, float], band: int) -> list[Query]:
        here = [point for point, km in points.items() if band_of(km) == band]
        nearer = [point for point, km in points.items() if band_of(km) < band]
        there, before = (Query.term_set_query(self._schema, "point", some) for some in (here, nearer))
        return [there, _not(before)] if nearer else [there]

    async def publish(self) -> None:
        """Folders are read by nobody else."""

    async def drop(self) -> None:
        await self.close()
        await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)

    async def close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()


def _document(one: Searchable, schema: tantivy.Schema) -> Document:
    points = sorted(one.points)
    members = {
        "ref": one.ref,
        "status": one.status,
        "source": one.source,
        "order": one.order,
        "positions": one.positions,
        "country": sorted(one.countries),
        "nuts": sorted(one.nuts),
        "region": sorted(code for code in one.nuts if len(code) == 5),
        "occupation": sorted(one.occupations),
        "main": [one.main_occupation] if one.main_occupation else [],
        "title": " ".join(one.title),
        "body": " ".join(one.body),
        "newest": _unique(one.published, one.ref),
        "deadline": _unique(one.deadline, one.ref),
        "trait": sorted(one.traits),
        "pay": one.pay,
        "point": [packed(point) for point in points],
        "lat": [lat for lat, _ in points],
    }
    return Document.from_dict(members, schema)


def _unique(at: int, ref: str) -> int:
    """A time as a number that no other vacancy shares: what makes an order total and a page's end exact."""
    return max(at, 0) << 24 | crc32(ref.encode()) >> 8


def _facet_filters(schema: tantivy.Schema, wanted: Wanted) -> dict[str, Query]:
    """The filters on what is counted by value, by facet."""
    sets = {
        "country": wanted.countries,
        "nuts": wanted.nuts,
        "occupation": wanted.occupations,
        "source": wanted.sources,
    }
    return {name: Query.term_set_query(schema, name, sorted(values)) for name, values in sets.items() if values}


def _plain_filters(schema: tantivy.Schema, wanted: Wanted) -> list[Query]:
    found = [_word(schema, alternatives) for alternatives in wanted.words]
    found += [_phrase(schema, one) for one in wanted.phrases]
    found += [_not(_word(schema, alternatives)) for alternatives in wanted.without]
    found += [_not(_phrase(schema, one)) for one in wanted.without_phrases]
    if wanted.since:
        found.append(Query.range_query(schema, "newest", FieldType.Unsigned, lower_bound=wanted.since << 24))
    if wanted.shown is not Shown.ANY:
        active = Query.term_query(schema, "status", Status.ACTIVE)
        found.append(active if wanted.shown is Shown.ACTIVE else _not(active))
    return found + _said(schema, wanted)


def _said(schema: tantivy.Schema, wanted: Wanted) -> list[Query]:
    """Of filters on what many do not say: those that meet them all, those that might, or both."""
    met = [Query.term_set_query(schema, "trait", sorted(one.met)) for one in wanted.filters]
    might = [Query.term_set_query(schema, "trait", sorted(one.met | one.unsaid)) for one in wanted.filters]
    if wanted.pay:
        enough = Query.range_query(schema, "pay", FieldType.Unsigned, lower_bound=wanted.pay)
        met, might = [*met, enough], [*might, _any([enough, Query.term_query(schema, "pay", 0)])]
    if wanted.said is Said.UNSAID:
        return [*might, _not(_all(met))]
    return met if wanted.said is Said.MET else might


def _word(schema: tantivy.Schema, alternatives: Sequence[str]) -> Query:
    """Any of the terms. A code counts as much as a word in the text."""
    codes = [term for term in alternatives if term.startswith(PREFIX)]
    texts = [term for term in alternatives if not term.startswith(PREFIX)]
    title = [Query.boost_query(Query.term_query(schema, "title", term), TITLE_COUNTS) for term in texts]
    body = [Query.term_query(schema, "body", term) for term in texts]
    return _any([*title, *body, *(Query.term_query(schema, name, one) for one in codes for name in CODED)])


def _phrase(schema: tantivy.Schema, phrase: Phrase) -> Query:
    return _any([Query.phrase_query(schema, name, list(placed)) for name in ("title", "body") for placed in phrase])


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries]) if queries else Query.all_query()


def _not(query: Query) -> Query:
    return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, query)])


def _counted(
    searcher: tantivy.Searcher, plain: Sequence[Query], narrowing: Mapping[str, Query]
) -> tuple[Count, dict[str, dict[str, Count]]]:
    """Ads and posts over all hits, and by value of each facet, whose own filter then does not count."""
    free = [name for name in FACETS if name not in narrowing]
    total, facets = _counts(searcher, _all([*plain, *narrowing.values()]), free)
    for name in narrowing:
        others = [query for other, query in narrowing.items() if other != name]
        facets |= _counts(searcher, _all([*plain, *others]), [name])[1]
    return total, facets


def _counts(
    searcher: tantivy.Searcher, query: Query, names: Sequence[str]
) -> tuple[Count, dict[str, dict[str, Count]]]:
    """Ads and posts over all hits of one query, and by value of these facets, in one pass."""
    posts = {"posts": {"sum": {"field": "positions"}}}
    asked: dict[str, Any] = {
        name: {"terms": {"field": FACETS[name], "size": MOST_VALUES}, "aggs": posts} for name in names
    }
    found = searcher.aggregate(query, {**asked, **posts, "ads": {"value_count": {"field": "order"}}})
    facets = {
        name: {
            bucket["key"]: Count(bucket["doc_count"], int(bucket["posts"]["value"]))
            for bucket in found[name]["buckets"]
        }
        for name in names
    }
    return Count(int(found["ads"]["value"]), int(found["posts"]["value"])), facets


def _hit(searcher: tantivy.Searcher, address: tantivy.DocAddress, points: Mapping[int, float]) -> Hit:
    document = searcher.doc(address)
    return Hit(
        document["ref"][0],
        min((points[point] for point in document.get_all("point") if point in points), default=None),
    )


def _cursor(sort: Sort, number: int) -> str:
    return base64.urlsafe_b64encode(f"{sort}:{number}".encode()).decode().rstrip("=")


def _number(page: Page) -> int:
    """What a cursor holds: the key of the last hit, or how many hits came before."""
    if not page.cursor:
        return 0
    try:
        sort, _, number = base64.urlsafe_b64decode(page.cursor + "==").decode().partition(":")
        if sort == page.sort and 0 <= int(number) < 2**63:
            return int(number)
    except ValueError:
        pass
    raise BadCursor("this cursor belongs to no search in this order; start again without it")
