"""`pendler conform`: a server that speaks as EURES wants it has no findings, and each silent fault is found."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from services.ingest.commands import app
from services.ingest.conform import Server, judged, of_content

SHARED = Path(__file__).parents[2] / "shared" / "feeds"
ADDRESS = "<Address><CountryCode>SE</CountryCode><CityName>Malmö</CityName></Address>"
GOOD = (
    '<PositionOpening xmlns="http://www.hr-xml.org/3"><DocumentID>1</DocumentID><PositionProfile languageCode="sv">'
    f"<PositionTitle>Kock</PositionTitle><PositionLocation>{ADDRESS}</PositionLocation>"
    '<JobCategoryCode listName="ISCO2008" listVersionID="2008">5120</JobCategoryCode>'
    "</PositionProfile></PositionOpening>"
)


def with_(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def category(listed: str, version: str, code: str) -> str:
    return with_(
        'listName="ISCO2008" listVersionID="2008">5120', f'listName="{listed}" listVersionID="{version}">{code}'
    )


CLOSES = "</PositionProfile>"
COMPETENCY = (
    "<PositionQualifications><PositionCompetency><CompetencyID>sv</CompetencyID><TaxonomyID>language</TaxonomyID>"
    "</PositionCompetency></PositionQualifications>"
)
MIXED = (
    "<OfferedRemunerationPackage><RemunerationRange><MinimumAmount currencyID='EUR'>1</MinimumAmount>"
    "<MaximumAmount currencyID='SEK'>2</MaximumAmount></RemunerationRange></OfferedRemunerationPackage>"
)
EMPTY = (
    "<PostingInstruction><ApplicationMethod><PersonContact><Communication><ChannelCode>Email</ChannelCode></Communication>"
    "</PersonContact></ApplicationMethod></PostingInstruction>"
)


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (GOOD, []),
        (None, ["xml-syntax"]),
        (GOOD[:-9], ["xml-syntax"]),
        (with_(ADDRESS, ADDRESS * 2), ["place-twice"]),
        (with_(ADDRESS, f"{ADDRESS}<Address><CountryCode>SE</CountryCode></Address>"), ["country-alone"]),
        (with_(ADDRESS, f"{ADDRESS}<Address><CountryCode>DK</CountryCode></Address>"), []),
        (with_(ADDRESS, ""), ["no-place"]),
        (with_("</CityName>", "</CityName><CountrySubDivisionCode>SE224</CountrySubDivisionCode>"), []),
        (with_("</CityName>", "</CityName><CountrySubDivisionCode>DK011</CountrySubDivisionCode>"), ["nuts"]),
        (category("ISCO2008", "2008", "2224"), ["isco-unknown"]),
        (category("ISCO2008", "2008", "512"), []),
        (category("ISCO2008", "2008", "http://data.europa.eu/esco/isco/C5120"), ["capital-c"]),
        (category("ESCO_Occupations", "1.0.9", "http://data.europa.eu/esco/occupation/x"), ["esco-version"]),
        (category("ESCO_Occupations", "ESCOv1", "http://data.europa.eu/esco/occupation/x"), []),
        (category("", "2008", "5120"), ["list-missing"]),
        (with_(' languageCode="sv"', ""), ["language-missing"]),
        (with_(CLOSES, COMPETENCY + CLOSES), ["level-missing"]),
        (with_(CLOSES, MIXED + CLOSES), ["currencies-mixed"]),
        (with_(CLOSES, EMPTY + CLOSES), ["channel-empty"]),
    ],
)  # fmt: skip
def test_each_fault_of_a_vacancy_is_found(content: str | None, rules: list[str]) -> None:
    found = of_content(content)
    assert [one.rule for one in found] == rules
    assert all(one.hint for one in found)


def details(reference: str, **members: Any) -> dict[str, Any]:
    return {
        "reference": reference,
        "status": "ACTIVE",
        "source": "SE",
        "content": GOOD,
        "contentFormatVersion": "1.3",
        **members,
    }


CHANGES: dict[str, list[str]] = {"createdReferences": [], "modifiedReferences": [], "closedReferences": []}


def rules_of(all_: Any, known: dict[str, Any], changes: Any = CHANGES) -> list[str]:
    def get(path: str) -> Any:
        return {"ping": "pong", "getAll": all_}.get(path, changes)

    def post(_: str, references: Sequence[str]) -> Any:
        assert len(references) <= 50
        return {one: known[one] for one in references if one in known}

    return [one.reason.rule for one in judged(Server(get, post), 1000)]


@pytest.mark.parametrize(
    ("all_", "known", "changes", "rules"),
    [
        (["1"], {"1": details("1")}, CHANGES, []),
        ({"allReferences": ["1"]}, {"1": details("1")}, CHANGES, []),
        ([], {}, CHANGES, []),
        ("1", {}, CHANGES, ["no-answer"]),
        ([1], {}, CHANGES, ["no-answer"]),
        (["1", "1"], {"1": details("1")}, CHANGES, ["reference-twice"]),
        (["1", "2"], {"1": details("1")}, CHANGES, ["no-details"]),
        (["1"], {"1": details("2")}, CHANGES, ["reference-differs"]),
        (["1"], {"1": details("1", status="CLOSED")}, CHANGES, ["not-active"]),
        (["1"], {"1": details("1", contentFormatVersion="1.2")}, CHANGES, ["format-version"]),
        (["1"], {"1": details("1", source="EURES")}, CHANGES, ["loop"]),
        (["1"], {"1": details("1")}, {**CHANGES, "modifiedReferences": ["1"]}, ["changes-ignore-time"]),
        (["1"], {"1": details("1")}, {}, ["changes-shape"] * 3),
        ([str(n) for n in range(120)], {str(n): details(str(n)) for n in range(120)}, CHANGES, []),
    ],
)  # fmt: skip
def test_each_fault_of_a_server_is_found(all_: Any, known: dict[str, Any], changes: Any, rules: list[str]) -> None:
    assert rules_of(all_, known, changes) == rules


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real files is not beside the checkout")
def test_what_norway_tells_eures_is_taken() -> None:
    for path in sorted((SHARED / "eures_hrxml_no").glob("*.xml")):
        assert [one.rule for one in of_content(path.read_text("utf-8")) if one.severity == "error"] == []


@contextmanager
def serving(status: int = 200) -> Iterator[str]:
    """An Input API on this machine, with one vacancy that has a fault."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.split("/")[2]
            self.tell({"ping": "pong", "getAll": ["1"]}.get(name, CHANGES))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.tell({one: details(one, content=with_(ADDRESS, ADDRESS * 2)) for one in asked})

        def tell(self, answer: Any) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Api) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v0.1"
        finally:
            server.shutdown()
            thread.join()


def test_the_command_asks_a_server_and_tells_what_it_found() -> None:
    with serving() as url:
        done = CliRunner().invoke(app, ["conform", url])
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["reference"], line["rule"], done.exit_code) == ("1", "place-twice", 1)


def test_a_server_that_fails_is_a_finding() -> None:
    with serving(500) as url:
        done = CliRunner().invoke(app, ["conform", url])
    assert "no-answer" in done.stdout
    assert "500" in done.stdout
    assert done.exit_code == 1
    assert "no-answer" in CliRunner().invoke(app, ["conform", url]).stdout, "it is gone by now"
