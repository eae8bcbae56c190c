"""Whether a server of the EURES Input API says what EURES takes: the faults that it drops vacancies for in silence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from pendler.esco import lexicon
from schemas.event import Reason, Severity
from services.ingest.feed import Flaw
from services.ingest.fields.record import Node, Notes
from services.ingest.fields.strict import xml_document

VERSION = "1.3"
AT_ONCE = 50
PROFILE = "PositionProfile"
Get = Callable[[str], Any]
Post = Callable[[str, Sequence[str]], Any]


@dataclass(frozen=True)
class Finding:
    """What is wrong, in which vacancy; none where it is wrong with the server."""

    reason: Reason
    reference: str | None = None


@dataclass(frozen=True)
class Server:
    """A server: `get` and `post` give the JSON of an answer, `get("ping")` its text.

    They raise `ValueError` where there is none; the message says why.
    """

    get: Get
    post: Post


def judged(server: Server, most: int) -> Iterator[Finding]:
    """What is wrong with a server and with `most` of its vacancies."""
    try:
        server.get("ping")
        references = _references(server.get("getAll"))
        yield from _changes(server.get("getChanges/32503680000000"))
    except ValueError as error:
        yield Finding(
            _error("no-answer", "", str(error)[:80], "ping, getAll, getChanges/{milliseconds} and getDetails")
        )
        return
    if len(set(references)) < len(references):
        yield Finding(_error("reference-twice", "getAll", None, "each reference once"))
    wanted = iter(list(dict.fromkeys(references))[:most])
    while some := list(islice(wanted, AT_ONCE)):
        yield from _details(server, some)


def _references(answer: Any) -> list[str]:
    """A list of references, or the one list in an object."""
    lists = [answer] if isinstance(answer, list) else [one for one in answer.values() if isinstance(one, list)] if (
        isinstance(answer, dict)) else []  # fmt: skip
    if len(lists) != 1 or not all(isinstance(one, str) for one in lists[0]):
        raise ValueError("getAll is no list of references")
    return list(lists[0])


def _changes(answer: Any) -> Iterator[Finding]:
    """Nothing has changed since the year 3000."""
    for name in ("createdReferences", "modifiedReferences", "closedReferences"):
        found = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(found, list):
            yield Finding(
                _error("changes-shape", f"getChanges/{name}", None, "a list of references, empty where none is")
            )
        elif found:
            yield Finding(
                _error("changes-ignore-time", f"getChanges/{name}", len(found), "only what changed since then")
            )


def _details(server: Server, references: Sequence[str]) -> Iterator[Finding]:
    try:
        answer = server.post("getDetails", references)
    except ValueError as error:
        yield Finding(_error("no-answer", "getDetails", str(error)[:80], "a map from reference to details"))
        return
    for reference in references:
        found = answer.get(reference) if isinstance(answer, dict) else None
        if not isinstance(found, dict):
            yield Finding(_error("no-details", "getDetails", None, "details of each reference of getAll"), reference)
            continue
        yield from (
            Finding(reason, reference) for reason in [*_envelope(reference, found), *of_content(found.get("content"))]
        )


def _envelope(reference: str, found: Mapping[str, Any]) -> Iterator[Reason]:
    if found.get("reference") != reference:
        yield _error("reference-differs", "reference", found.get("reference"), "the reference it was asked by")
    if found.get("status") != "ACTIVE":
        yield _error("not-active", "status", found.get("status"), "getAll names only what is ACTIVE")
    if found.get("contentFormatVersion") != VERSION:
        yield _error("format-version", "contentFormatVersion", found.get("contentFormatVersion"), VERSION)
    if found.get("source") == "EURES":
        yield _error("loop", "source", "EURES", "what came from EURES does not go back")


def of_content(content: object) -> list[Reason]:
    """What is wrong with the XML of one vacancy."""
    try:
        opening = Node(xml_document(str(content or "").encode()), Notes())
    except Flaw as flaw:
        return [flaw.reason]
    rules = (_places, _occupations, _languages, _pay, _people)
    return [reason for rule in rules for reason in rule(opening)]


def _places(opening: Node) -> Iterator[Reason]:
    at = f"{PROFILE}/PositionLocation/Address"
    every = [_address(node) for node in opening.each(at)]
    if len(set(every)) < len(every):
        yield _error("place-twice", at, None, "each address once")
    if not every:
        yield _error("no-place", at, None, "at least one address")
    for country in {one[0] for one in every}:
        here = [one for one in every if one[0] == country]
        if any(not any(one[1:]) for one in here) and any(any(one[1:]) for one in here):
            yield _error("country-alone", at, country, "no address with a country alone beside one that says more")
    for nuts, country in {(one[3], one[0]) for one in every if one[3]}:
        if not nuts.startswith(country) or len(nuts) != 5:
            yield _error("nuts", f"{at}/CountrySubDivisionCode", nuts, "NUTS 3 of that country", Severity.WARNING)


def _address(node: Node) -> tuple[str, str, str, str]:
    names = ("CountryCode", "CityName", "PostalCode", "CountrySubDivisionCode")
    country, city, postcode, nuts = (node.text(name) or "" for name in names)
    return country, city, postcode, nuts


def _occupations(opening: Node) -> Iterator[Reason]:
    at = f"{PROFILE}/JobCategoryCode"
    for node in opening.each(at):
        code, listed, version = node.written, node.element.get("listName"), node.element.get("listVersionID")
        if not listed or not version:
            yield _error("list-missing", at, code, "listName and listVersionID")
        elif listed.startswith("ESCO") and version != "ESCOv1":
            yield _error("esco-version", f"{at}/@listVersionID", version, "ESCOv1, whatever the version of ESCO")
        elif listed.startswith("ISCO") and "/isco/C" in code:
            yield _error("capital-c", at, code, "the digits alone")
        elif listed.startswith("ISCO") and code not in _isco():
            yield _error("isco-unknown", at, code, "a group of ISCO-08; national classifications have others")


@cache
def _isco() -> frozenset[str]:
    groups = {concept.isco for concept in lexicon().concepts()}
    return frozenset(group[:digits] for group in groups for digits in range(1, 5))


def _languages(opening: Node) -> Iterator[Reason]:
    for node in opening.each(PROFILE):
        if not node.element.get("languageCode"):
            yield _error(
                "language-missing", f"{PROFILE}/@languageCode", None, "without it EURES takes English", Severity.WARNING
            )
    at = f"{PROFILE}/PositionQualifications/PositionCompetency"
    for node in opening.each(at):
        levels = ("RequiredProficiencyLevel", "DesiredProficiencyLevel", "CompetencyDimension/Score")
        if (node.text("TaxonomyID") or "").casefold() == "language" and not any(map(node.text, levels)):
            yield _error("level-missing", at, node.text("CompetencyID"), "a level A1 to C2 for each language")


def _pay(opening: Node) -> Iterator[Reason]:
    at = f"{PROFILE}/OfferedRemunerationPackage/RemunerationRange"
    amounts = [*opening.each(f"{at}/MinimumAmount"), *opening.each(f"{at}/MaximumAmount")]
    units = {node.element.get("currencyID") or node.element.get("currencyCode") or "" for node in amounts}
    if len(units) > 1:
        yield _error("currencies-mixed", at, " ".join(sorted(units)), "one currency in a package")


def _people(opening: Node) -> Iterator[Reason]:
    at = f"{PROFILE}/PostingInstruction/ApplicationMethod/PersonContact/Communication"
    if any(not (node.text("URI") or node.text("DialNumber")) for node in opening.each(at)):
        yield _error("channel-empty", at, None, "EURES drops a channel without an address", Severity.WARNING)


def _error(rule: str, at: str, value: object, hint: str, severity: Severity = Severity.ERROR) -> Reason:
    return Reason(rule=rule, at=at, value=None if value is None else str(value)[:80], hint=hint, severity=severity)
