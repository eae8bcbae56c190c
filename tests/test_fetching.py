"""`pendler esco fetch` against a stand-in of the web service: pages, refusals, and what an import makes of it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pendler.esco import PREFIX
from pendler.esco.stored import Stored
from services.match.coding import Asked
from services.match.esco_files import open_files
from services.match.fetching import NotFetched, fetch
from services.match.importing import import_esco
from services.match.learned import PackCoder

SIZE = 20
WELDER = f"{PREFIX}occupation/o7"


def resource(kind: str, n: int) -> dict[str, Any]:
    names = {"concept": "group", "occupation": "welder" if n == 7 else "worker", "skill": "weld"}
    label = {"en": f"{names[kind]} {n}", "da": f"{names[kind]} {n} dansk"}
    found: dict[str, Any] = {"preferredLabel": label, "alternativeLabel": {"en": [f"{names[kind]} number {n}"]}}
    if kind == "concept":
        return {**found, "code": str(7100 + n)}
    if kind == "occupation":
        links = {
            "broaderIscoGroup": [{"uri": f"{PREFIX}isco/C{7100 + n}"}],
            "hasEssentialSkill": [{"uri": f"{PREFIX}skill/s{n}"}],
        }
        return {**found, "_links": links, "status": "released"}
    return found


class Standin(BaseHTTPRequestHandler):
    """Pages of 20 of 60 resources of each kind; the troubles that `server.troubles` holds come first."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        with self.server.alone:
            trouble = self.server.troubles.pop(0) if self.server.troubles else None
            if isinstance(trouble, int):
                self.send_response(trouble)
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer((trouble or json.dumps(self._page())).encode())

    def _page(self) -> dict[str, Any]:
        parts = urlsplit(self.path)
        kind, offset = parts.path.rpartition("/")[2], int(parse_qs(parts.query)["offset"][0])
        here = range(offset * SIZE, (offset + 1) * SIZE)
        letter = {"concept": "isco/C71", "occupation": "occupation/o", "skill": "skill/s"}[kind]
        shown = {f"{PREFIX}{letter}{n:02}" if kind == "concept" else f"{PREFIX}{letter}{n}": n for n in here}
        embedded = {uri: resource(kind, n) for uri, n in shown.items()}
        links = {"next": {"href": f"/api/resource/{kind}?offset={offset + 1}"}} if offset < 2 else {}
        return {"total": 60, "_embedded": embedded, "_links": links}

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Standin)
        self.asked: list[str] = []
        self.troubles: list[int | str] = []
        self.alone = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_what_is_fetched_can_be_imported(server: Server, tmp_path: Path) -> None:
    server.troubles = [503, 429]
    fetch(server.address, tmp_path / "esco", ["da", "en"], "v1.2.0", 0, print)
    assert len(server.asked) == 9 + 2, "three pages of three kinds, and two that were busy"
    assert "selectedVersion=v1.2.0" in server.asked[0]
    pack = import_esco(open_files(tmp_path / "esco"), tmp_path, print)
    stored = Stored(pack)
    assert stored.label(WELDER, "da") == "welder 7 dansk"
    assert stored.isco(WELDER) == "7107"
    assert stored.skills_of(WELDER) == [(f"{PREFIX}skill/s7", True)]
    [[first, *_]] = PackCoder(pack).classify([Asked([("en", "welder number 7")])])
    assert first.uri == WELDER


def test_stopped_it_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith("occupation: page 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.address, tmp_path, ["en"], "v1.2.0", 0, stop)
    server.asked.clear()
    fetch(server.address, tmp_path, ["en"], "v1.2.0", 0, print)
    assert [path.partition("?")[0].rpartition("/")[2] for path in server.asked] == ["occupation", *["skill"] * 3]
    server.asked.clear()
    fetch(server.address, tmp_path, ["en"], "v1.2.0", 0, print)
    assert server.asked == []


ELSEWHERE = json.dumps({"_embedded": {"x": {}}, "_links": {"next": {"href": "http://example.org/resource"}}})


@pytest.mark.parametrize(
    ("troubles", "told"),
    [
        ([404], "answers 404"),
        ([503] * 6, "run it again later"),
        (["<html>"], "is it the web service"),
        (["{}"], "is it the web service"),
        ([ELSEWHERE], "elsewhere"),
    ],
)
def test_what_goes_wrong_is_told(server: Server, tmp_path: Path, troubles: list[int | str], told: str) -> None:
    server.troubles = troubles
    with pytest.raises(NotFetched, match=told):
        fetch(server.address, tmp_path, ["en"], "v1.2.0", 0, print)
    with pytest.raises(NotFetched, match="Connect"):
        fetch("http://127.0.0.1:1", tmp_path / "other", ["en"], "v1.2.0", 0, print)
