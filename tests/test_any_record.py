"""Whatever stands in a record, and whatever is delivered, has an outcome: a vacancy, or a reason of the feed's own."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.event import Reason, VacancyMatched
from services.ingest.eures_out import written
from services.ingest.feed import Feed, Flaw, Item, feeds
from services.ingest.service import reading

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "feeds"
WORDS = st.sampled_from(
    ["", " ", "-1", "0", "1e400", "9" * 30, "2026-02-30", "2026-11-20T25:00", "31.12.2026", "SE", "XX",
     "\x00", "\ud800", "a@b", "https://",
     "https://[::1", "<p>", "<b><i></b>", "&#x110000;", "\u202eabc", "x" * 600, "Ünï\u0301code",
     "{", "[]"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EXAMPLES = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def sample(feed: Feed) -> bytes:
    (path,) = SAMPLES.glob(f"{feed.name}.sample.*")
    return path.read_bytes()


def items(feed: Feed, raw: bytes) -> list[Item]:
    """The records of a delivery; none where it is refused as a whole, for a reason of the feed's own."""
    try:
        return list(feed.split(raw))
    except Flaw:
        return []


def settle(feed: Feed, found: list[Item]) -> None:
    """Each record that is not refused when it is cut is read as ingest reads it: only a `Flaw` may refuse it."""
    for item in found:
        item.body.encode()
        outcome = item.flaw or reading(feed, item.body, NOW)
        if isinstance(outcome, Reason):
            assert outcome.rule != "unreadable", (outcome, item.body)
            assert not outcome.rule.startswith("vacancy-"), (outcome, item.body)
        else:
            assert item.external_id == outcome.vacancy.origin.external_id
            outcome.vacancy.model_dump_json()
            if item is found[0]:
                etree.fromstring(
                    written(VacancyMatched(ref="x:1", revision=1, status="active", at=NOW, vacancy=outcome.vacancy))
                )


def bodies(feed: Feed, start: str) -> list[str]:
    return [item.body for item in feed.split(sample(feed)) if not item.flaw and item.body.startswith(start)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value something else may be put."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def put(record: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record[step]
    record[path[-1]] = value


JSON = [name for name, feed in sorted(feeds().items()) if bodies(feed, "{")]
XML = [name for name, feed in sorted(feeds().items()) if bodies(feed, "<")]


@pytest.mark.parametrize("name", JSON)
@EXAMPLES
@given(data=st.data())
def test_any_json_in_any_place_of_a_record(name: str, data: st.DataObject) -> None:
    feed = feeds()[name]
    body = data.draw(st.sampled_from(bodies(feed, "{")))
    record = copy.deepcopy(json.loads(body))
    for _ in range(data.draw(st.integers(1, 3))):
        put(record, data.draw(st.sampled_from(list(places(record)))), data.draw(ANYTHING))
    if "text/csv" in feed.media_types:
        outcome = reading(feed, json.dumps(record), NOW)
        assert not isinstance(outcome, Reason) or outcome.rule != "unreadable", outcome
    else:
        settle(feed, items(feed, json.dumps([record]).encode()))


@pytest.mark.parametrize("name", XML)
@EXAMPLES
@given(data=st.data())
def test_any_text_in_any_element_of_a_record(name: str, data: st.DataObject) -> None:
    feed = feeds()[name]
    root = etree.fromstring(data.draw(st.sampled_from(bodies(feed, "<"))).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        element = data.draw(st.sampled_from(list(root.iter("*"))))
        written = data.draw(WORDS | st.text(max_size=20))
        written = "".join(character for character in written if character.isprintable())
        if data.draw(st.booleans()):
            element.text = written
        elif element.attrib and data.draw(st.booleans()):
            element.set(data.draw(st.sampled_from(list(element.attrib))), written)
        elif (parent := element.getparent()) is not None:
            parent.append(copy.deepcopy(element))
            element.clear()
    settle(feed, items(feed, etree.tostring(root)))


@pytest.mark.parametrize("name", sorted(feeds()))
@EXAMPLES
@given(delivered=ANYTHING.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=80) | st.data())
def test_any_delivery(name: str, delivered: Any) -> None:
    feed, raw = feeds()[name], delivered
    if not isinstance(raw, bytes):  # a sample that is cut or has other bytes somewhere
        whole = sample(feed)
        start = delivered.draw(st.integers(0, len(whole)))
        raw = (
            whole[:start] + delivered.draw(st.binary(max_size=6)) + whole[start + delivered.draw(st.integers(0, 40)) :]
        )
    settle(feed, items(feed, raw))
