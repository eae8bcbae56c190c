"""A first mapping for a file that nobody has mapped yet: what its members may mean, by their names. Pure."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from io import StringIO

from services.ingest.feed import Flaw
from services.ingest.fields import strict, strict_json
from services.ingest.fields.record import Node, Notes

MEANS = {
    "id": r"id|.*_id|.*nummer|.*number|numero.*|.*_nr|nr|ref|reference|guid|uuid|identifi.*",
    "title": r".*titl?[eu].*|.*titel|.*title|job|name|headline|overskrift|rubrik|intitule.*|nazev|nosaukums",
    "text": r".*descri.*|.*omschrijving|.*beschreibung|.*beskrivelse|.*beskrivning|text|content|body",
    "url": r".*url|.*link|lien.*|href",
    "employer": r".*employe[u]?r.*|company.*|.*firma|.*bedrijf|arbeitgeber|arbejdsgiver|arbetsgivare|entreprise",
    "city": r".*city|.*town|.*localite|gemeente|plaats|ort|by|stad|ville|commune|municipality|localidad",
    "postcode": r".*zip.*|.*post.?(al)?.?code.*|postnummer|plz|codepostal.*",
    "positions": r"positions|.*posts|aantal.*|antal.*|nombre.*|vacancies",
    "published": r".*publi.*|dateposted|debut.*|datedebut.*|created.*",
    "updated": r".*updat.*|.*modif.*|.*changed.*",
    "apply_by": r".*deadline|.*apply_?by|until|.*closing.*|.*frist.*|.*limite.*|validthrough",
    "pay": r".*salar.*|.*loon|.*lohn|.*pay|gehalt|wage.*",
    "schedule": r"schedule|hours|.*regime.*|.*working_?time|arbeitszeit|arbejdstid|.*full_?time.*",
    "offering": r".*contract.*|.*contrat|employmenttype|vertragsart",
}  # fmt: skip
"""What the members of sources tend to be called, small letters. The first field that takes a name has it."""
DELIMITERS = ";,\t|"
LONGEST_SAMPLE = 60


def draft(name: str, raw: bytes) -> str:
    """A mapping, as YAML, to be looked through: with a value of the file beside each member.

    Raises:
        Flaw: the file is no JSON, XML or CSV, or has no record in it.
    """
    kind, more, record = _first(raw)
    samples = dict(_flat(record))
    left = dict(samples)
    found = {field: pointer for field, means in MEANS.items() if (pointer := _taken(left, means))}

    def line(field: str, pointer: str) -> str:
        return f"{field}: {_plain(pointer)}  # {samples[pointer]}" if pointer else f"{field}: /which  # not found"

    return "\n".join(
        [
            f"name: {name}",
            "title: What people call the source",
            f"country: {name[:2].upper()}",
            "documentation: What it is, and where its format is written down.",
            f"format: {kind}",
            *more,
            line("id", found.pop("id", "")),
            "fields:",
            f"  {line('title', found.pop('title', ''))}",
            *(f"  {line(field, pointer)}" for field, pointer in found.items()),
            "# Left over: for a field above, for `extra`, or for nothing.",
            *(f"#   {pointer}  # {samples[pointer]}" for pointer in left if pointer not in found.values()),
            "",
        ]
    )


def _taken(left: dict[str, str], means: str) -> str | None:
    """The first member with such a name, which is then gone."""
    pattern = re.compile(means)
    pointer = next((one for one in left if pattern.fullmatch(re.split("[/@]", one)[-1].casefold())), None)
    if pointer:
        del left[pointer]
    return pointer


def _plain(pointer: str) -> str:
    """As YAML reads it."""
    return pointer if re.fullmatch(r"[\w/@.-]+", pointer) else json.dumps(pointer, ensure_ascii=False)


def _flat(record: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Each member that is a text or a number, or a list of them, with its value."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}/{name}")
        elif value and not (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
            yield f"{above}/{name}", " ".join(str(value).split())[:LONGEST_SAMPLE]


def _first(raw: bytes) -> tuple[str, list[str], Mapping[str, object]]:
    """The format, what else the mapping needs to say of it, and the first record."""
    start = raw.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    if start == b"<":
        return _first_element(raw)
    if start in (b"{", b"["):
        return _first_object(raw)
    heading, _, rest = raw.decode("utf-8-sig", "replace").partition("\n")
    delimiter = max(DELIMITERS, key=heading.count)
    record = next(csv.DictReader(StringIO(f"{heading}\n{rest}"), delimiter=delimiter), None)
    if not record:
        raise Flaw("no-records", "line 2", hint="a heading, and a row below it")
    cells = {name: cell for name, cell in record.items() if name and cell}
    return "csv", [f'delimiter: "{delimiter}"'.replace("\t", "\\t")], cells


def _first_element(raw: bytes) -> tuple[str, list[str], Mapping[str, object]]:
    """Of the elements with children, those of which there are most."""
    root = Node(strict.xml_document(raw), Notes())
    parents = [node for node in root.element.iter() if len(node)]
    names = Counter(str(node.tag).rpartition("}")[2] for node in parents if node is not root.element)
    name = names.most_common(1)[0][0] if names else str(root.element.tag).rpartition("}")[2]
    record = next((node for node in parents if str(node.tag).rpartition("}")[2] == name), root.element)
    return "xml", [f"records: [{name}]"], Node(record, Notes()).members()


def _first_object(raw: bytes) -> tuple[str, list[str], Mapping[str, object]]:
    """One alone, the first of a list or of the lines, or of the first list of objects within."""
    lines = strict_json.json_lines(raw)
    found: object = strict_json.json_document(lines[0][1] if lines else raw)
    named: list[str] = []
    while not lines and isinstance(found, dict) and not _taken(dict(_flat(found)), MEANS["title"]):
        inside = next((name for name, value in found.items() if _are_records(value)), None)
        if inside is None:
            break
        named, found = [f"records: [{inside}]"], found[inside]
    record = found[0] if isinstance(found, list) and found else found
    if not isinstance(record, dict):
        raise Flaw("no-records", "", hint="an object, a list of them, or one on each line")
    return "json", named, record


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
