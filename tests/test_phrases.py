"""Skills in the pipeline: labels in any inflection, the passage that shows each, essential, optional or implied."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from pendler.esco import PREFIX, lexicon
from pendler.esco.stored import SCHEMA, Stored
from pendler.places import Places
from schemas.event import VacancyMatched, VacancyNormalised
from schemas.vacancy import Location, Occupation, OccupationCode, Origin, Profile, Status, Vacancy
from services.match.coding import LexiconCoder
from services.match.matching import matched
from services.match.phrases import Phrases, SkillFinder, passage

WELDER = f"{PREFIX}occupation/welder"
LABELS = [
    ("weld", "weld steel bridges"),
    ("weld", "bridge welding"),
    ("java", "Java (computer programming)"),
    ("less", "LESS"),
    ("r", "R"),
    ("team", "work in teams"),
    ("chemistry", "chemistry"),
]


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> SkillFinder:
    folder = tmp_path_factory.mktemp("pack")
    with closing(sqlite3.connect(folder / "names.db")) as db:
        db.executescript(SCHEMA)
        db.execute("INSERT INTO entry VALUES (0, ?, '7212')", (WELDER,))
        for n, (uri, text) in enumerate(LABELS):
            db.execute("INSERT OR IGNORE INTO skill VALUES (?, ?)", (n, uri))
            db.execute("INSERT INTO label VALUES (?, 'en', ?, ?)", (uri, n, text))
        db.executemany("INSERT INTO skill_of VALUES (?, ?, ?)", [(WELDER, "weld", 1), (WELDER, "team", 0)])
        db.commit()
    about = {
        "number": 100, "format": 1, "esco": "", "source": "", "attribution": "", "languages": ["en"],
        "counts": {}, "folds": {}, "heat": [], "files": {},
    }  # fmt: skip
    (folder / "pack.json").write_text(json.dumps(about))
    return SkillFinder(Stored(folder))


def welder(score: float) -> Occupation:
    return Occupation(uri=WELDER, isco="7212", label="welder", score=score, method="title")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("You weld the steel bridge.", ["weld"]),
        ("Experience in welding of bridges", ["weld"]),
        ("You work in a team", ["team"]),
        ("Java and chemistry", ["chemistry", "java"]),
        ("java is an island; chemistries", []),
        ("more or less", []),
        ("LESS and R", ["less", "r"]),
        ("a, r, the", []),
        ("", []),
        ("🔥\0", []),
        ("bridge " * 20_000, []),
    ],
)
def test_labels_are_found_in_any_inflection_but_single_words_as_written(text: str, found: list[str]) -> None:
    assert sorted({label.uri for label, _, _ in Phrases("en", LABELS).find(text)}) == found


def test_what_the_occupation_needs_comes_first_and_each_shows_its_passage(finder: SkillFinder) -> None:
    text = "Welder\nYou know chemistry and work in teams.\nYou weld steel bridges all day."
    first, second, third = finder.find(text, "en", welder(0.9))
    assert (first.uri, first.essential, first.evidence) == ("weld", True, "You weld steel bridges all day.")
    assert (second.uri, second.essential) == ("team", False)
    assert (third.uri, third.essential, third.implied) == ("chemistry", None, False)
    assert first.score > second.score - 0.01 > third.score


def test_a_language_without_labels_gets_what_is_implied_and_only_from_a_sure_occupation(finder: SkillFinder) -> None:
    [implied] = finder.find("Du svejser broer", "da", welder(0.8))
    assert (implied.uri, implied.implied, implied.essential, implied.evidence) == ("weld", True, True, "")
    assert finder.find("Du svejser broer", "da", welder(0.3)) == finder.find("Du svejser broer", None, None) == []


def test_a_passage_stays_in_its_line() -> None:
    text = f"before\n{'x' * 100} weld bridges {'y' * 100}\nafter"
    at = text.index("weld")
    shown = passage(text, at, at + len("weld bridges"))
    assert "weld bridges" in shown
    assert len(shown) < 140
    assert "before" not in shown


@pytest.fixture
def event() -> VacancyNormalised:
    text = "You weld steel bridges. Driving licence category B. German B1 is required."
    vacancy = Vacancy(
        origin=Origin(source="s", external_id="1"),
        profiles=(Profile(language="en", title="Nurse", text=text),),
        locations=(Location(country="DE", city="Aachen"),),
        occupations=(OccupationCode(scheme="ESCO", code=WELDER),),
    )
    now = datetime(2026, 11, 1, tzinfo=UTC)
    return VacancyNormalised(ref="s:1", revision=1, status=Status.ACTIVE, at=now, news_at=now, vacancy=vacancy)


def test_the_pipeline_tells_what_it_found(finder: SkillFinder, places: Places, event: VacancyNormalised) -> None:
    [told] = matched([event], LexiconCoder(lexicon()), places, finder)
    assert isinstance(told, VacancyMatched)
    assert [(one.uri, one.essential) for one in told.derived.skills] == [("weld", True)]
    assert [(one.kind, one.value, one.level) for one in told.derived.findings] == [
        ("licence", "B", None),
        ("language", "de", "B1"),
    ]
    assert told.derived.written == ("en",)
    [again] = matched([event], LexiconCoder(lexicon()), places)
    assert isinstance(again, VacancyMatched)
    assert again.derived.skills == ()
    assert VacancyMatched.model_validate_json(told.model_dump_json()) == told
