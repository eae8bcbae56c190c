"""The table of partnerships agrees with the official lists of regions."""

import csv
from pathlib import Path

import pytest

from schemas.partnership import Partnership, partnerships

NUTS = Path(__file__).parents[2] / "shared" / "reference" / "nuts"


@pytest.mark.parametrize("one", partnerships().values(), ids=lambda one: one.id)
def test_a_partnership_has_regions_in_each_of_its_countries(one: Partnership) -> None:
    assert {code[:2] for code in one.nuts} == set(one.countries)
    assert len(one.countries) >= 2
    assert one.website == "" or one.website.startswith("https://")


@pytest.mark.skipif(not NUTS.parent.is_dir(), reason="no reference data beside the checkout")
def test_every_code_is_a_region_of_nuts_2021_or_2024() -> None:
    known = set()
    for year in (2021, 2024):
        with (NUTS / f"nuts_{year}.csv").open(encoding="utf-8") as file:
            known |= {row["nuts_id"] for row in csv.DictReader(file)}
    assert not {code for one in partnerships().values() for code in one.nuts} - known
