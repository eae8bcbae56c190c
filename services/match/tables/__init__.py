"""What is known of words, as data: one file each, read once, made longer by anyone."""

import csv
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `NAME.csv`; lines that begin with # are notes."""
    text = files(__name__).joinpath(f"{name}.csv").read_text("utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


def column(name: str) -> tuple[str, ...]:
    """The first column of `NAME.csv`."""
    return tuple(next(iter(row.values())) for row in rows(name))
