"""CSV deliveries: what is wrong with one row is wrong with that row alone."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.feed import Flaw
from services.ingest.fields.cut import csv_cut

HEADING = "id;title;text\n"


def told(body: str) -> list[tuple[str | None, str | None]]:
    """The id of each record, and the rule it breaks with its line."""
    items = csv_cut((HEADING + body).encode(), ";", "id")
    return [(item.external_id, item.flaw and f"{item.flaw.rule} {item.flaw.at}") for item in items]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('1;a;b\n2;"c";"d\ne"\n3;f;g\n', [("1", None), ("2", None), ("3", None)]),
        ('1;a;b\n2;"c;d\n3;f;g\n4;h;i\n', [("1", None), (None, "csv-syntax line 3"), ("3", None), ("4", None)]),
        ('1;a;b\n2;"c"x;d\n3;f;g\n', [("1", None), (None, "csv-syntax line 3"), ("3", None)]),
        ('1;a;b\n2;c;"d', [("1", None), (None, "csv-syntax line 3")]),
        ("1;a;b;c\n2;c\n3;f;g\n", [("1", "csv-columns line 2"), ("2", "csv-columns line 3"), ("3", None)]),
        (f"1;a;b\n2;c;{'x' * 140_000}\n3;f;g\n", [("1", None), (None, "csv-syntax line 3"), ("3", None)]),
        (f'1;a;b\n2;c;"{"x" * 140_000}"\n3;f;g\n', [("1", None), (None, "csv-syntax line 3"), ("3", None)]),
        ("\n1;a;b\n\n", [("1", None)]),
    ],
    ids=["whole", "stray quote", "text after a quote", "never closed", "columns", "long cell", "long quoted", "blank"],
)
def test_a_bad_row_is_refused_and_its_neighbours_are_not(body: str, found: list[tuple[str | None, str | None]]) -> None:
    assert told(body) == found


def test_without_its_heading_nothing_is_taken() -> None:
    for raw in (b"", b"name;other\n1;2\n", b'"never closed\n1;2;3\n'):
        with pytest.raises(Flaw):
            list(csv_cut(raw, ";", "id"))


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from('\n";'), max_size=20)


@given(st.lists(st.tuples(st.integers(1, 99).map(str), CELL, CELL), max_size=8))
def test_what_a_csv_writer_writes_is_read_whole(rows: list[tuple[str, str, str]]) -> None:
    written = StringIO(newline="")
    csv.writer(written, delimiter=";").writerows(rows)
    assert told(written.getvalue()) == [(identity, None) for identity, _, _ in rows]
