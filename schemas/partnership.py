"""The cross-border partnerships: which regions on both sides of a border work together.

Facts written down by us in `partnerships.csv`. `verified` says whether the regions of a row were read on a page of
EURES or of the partnership itself; the codes are of NUTS 2021 or 2024, the newest each region has.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Partnership:
    """Regions of several countries; NUTS codes of any level. `website` is "" where we know none."""

    id: str
    name: str
    since: str
    current: bool
    countries: tuple[str, ...]
    nuts: tuple[str, ...]
    website: str
    verified: bool


@cache
def partnerships() -> Mapping[str, Partnership]:
    """All of them by id, in the order of the file."""
    rows = csv.DictReader(files("schemas").joinpath("partnerships.csv").read_text("utf-8").splitlines())
    return {row["id"]: _read(row) for row in rows}


def _read(row: Mapping[str, str]) -> Partnership:
    return Partnership(
        id=row["id"],
        name=row["name"],
        since=row["since"],
        current=row["current"] == "yes",
        countries=tuple(row["countries"].split()),
        nuts=tuple(row["nuts"].split()),
        website=row["website"],
        verified=row["verified"] == "yes",
    )
