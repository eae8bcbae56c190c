"""The compatibility promise: every shape ever published still parses and comes back whole."""

import json
from pathlib import Path

import pytest

from pendler.bus import Record, decode, encode
from schemas.event import EVENTS, Erased, Event, json_schema

FOLDER = Path(__file__).parents[1] / "schemas"
EXAMPLES = sorted(FOLDER.glob("examples/*/*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_example_ever_committed_comes_back_whole(path: Path) -> None:
    example = json.loads(path.read_text("utf-8"))
    event = EVENTS[path.parent.name].model_validate(example)
    assert json.loads(event.model_dump_json(exclude_defaults=True)) == example
    assert decode(encode(event)) == event


def test_every_topic_has_examples_and_every_example_a_topic() -> None:
    assert {path.parent.name for path in EXAMPLES} == set(EVENTS)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_the_committed_schema_is_that_of_the_code(event: type[Event]) -> None:
    committed = json.loads((FOLDER / "json" / f"{event.topic.name}.json").read_text("utf-8"))
    assert committed == json_schema(event), "run `make schemas` and look at the difference"


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_a_newer_writers_members_are_no_obstacle(event: type[Event]) -> None:
    path = next(path for path in EXAMPLES if path.parent.name == event.topic.name)
    example = json.loads(path.read_text("utf-8"))
    assert event.model_validate({**example, "added_later": 1}) == event.model_validate(example)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.__name__)
def test_topics_are_named_by_what_happened(event: type[Event]) -> None:
    entity, participle, version = event.topic.name.split(".")
    assert event.__name__ == entity.capitalize() + participle.capitalize()
    assert version == "v1"


def test_the_same_fact_told_twice_has_one_id() -> None:
    path = next(path for path in EXAMPLES if path.parent.name == "vacancy.matched.v1")
    example = json.loads(path.read_text("utf-8"))
    event = EVENTS["vacancy.matched.v1"]
    assert event.model_validate(example).id == event.model_validate(example).id
    assert event.model_validate(example).id != event.model_validate({**example, "enrichment": 99}).id


def test_a_tombstone_reads_as_erased() -> None:
    assert decode(Record("vacancy.matched.v1", 0, 0, "s:1", None)) == Erased("s:1", "vacancy.matched.v1")
