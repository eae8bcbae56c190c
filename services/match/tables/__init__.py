"""What is known of words, as data: one file each, read once, made longer by anyone."""

import csv
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `NAME.csv`; lines that begin with # are notes."""
    text = files(__name__).joinpath(f"{name}.csv").read_text("utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


def column(name: str) -> tuple[str, ...]:
    """The first column of `NAME.csv`."""
    return tuple(next(iter(row.values())) for row in rows(name))


@cache
def words(language: str) -> dict[str, Any] | None:
    """What `LANGUAGE.yaml` says; None where there is no such table."""
    path = files(__name__).joinpath(f"{language}.yaml")
    return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
