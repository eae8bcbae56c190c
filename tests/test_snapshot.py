"""Complete snapshots and the feed guard: what is absent closes, and a broken feed closes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.exchange import Exchange, running, wait_for
from bench.records import records
from services.ingest.guard import Counts, verdict

JOBTECH, TOTAL = "se_jobtech", 300
BODIES = list(records(TOTAL))


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (Counts(delivered=90, unnamed=0, open=100, absent=0), None),
        (Counts(delivered=3690, unnamed=0, open=4100, absent=410), None),
        (Counts(delivered=188, unnamed=0, open=4100, absent=3912), "3,912 of 4,100 would close, limit 820"),
        (Counts(delivered=3280, unnamed=0, open=4100, absent=820), None),
        (Counts(delivered=3279, unnamed=0, open=4100, absent=821), "limit 820"),
        (Counts(delivered=30, unnamed=0, open=60, absent=30), None),
        (Counts(delivered=30, unnamed=0, open=60, absent=30, recent=[60, 61, 60]), "usually 60"),
        (Counts(delivered=48, unnamed=0, open=60, absent=12, recent=[60, 61, 60]), None),
        (Counts(delivered=0, unnamed=0, open=4, absent=4), "the snapshot is empty"),
        (Counts(delivered=99, unnamed=1, open=100, absent=2), "1 records have no id"),
        (Counts(delivered=99, unnamed=0, open=100, absent=1, held_by_hand=True), "the operator holds this feed"),
    ],
)
def test_the_guard(counts: Counts, told: str | None) -> None:
    found = verdict(counts)
    assert (found is None) if told is None else found and told in found
    assert found is None or (found.startswith("Held: ") and found.endswith("Your ads stay open."))


class Source:
    """A source with a name of its own that has delivered all its ads."""

    def __init__(self, exchange: Exchange, name: str) -> None:
        self.exchange, self.name = exchange, name
        self._headers = {"Authorization": f"Bearer {exchange.key(name)}"}
        self.path = f"/v1/sources/{name}/feeds/{JOBTECH}"

    def ask(self, method: str, path: str, **how: Any) -> Any:
        headers = {**self._headers, **how.pop("headers", {})}
        return self.exchange.http.request(method, path, headers=headers, **how)

    def snapshot(self, *parts: bytes, count: int | None = None) -> dict[str, Any]:
        """What became of a snapshot of these parts."""
        place = self.ask("POST", f"{self.path}/snapshots").headers["location"]
        for number, body in enumerate(parts, 1):
            put = self.ask("PUT", f"{place}/parts/{number}", content=body)
            assert put.status_code == 202, put.text
        said = sum(len(body.splitlines()) for body in parts) if count is None else count
        committed = self.ask("POST", f"{place}/commit", params={"count": said})
        assert committed.status_code == 202, committed.text
        wait_for(lambda: self.ask("GET", place).json()["state"] != "committed", 40, "the snapshot to be reconciled")
        found: dict[str, Any] = self.ask("GET", place).json()
        return found

    def outcomes(self, transfer: str) -> dict[str, int]:
        """What became of the records of a transfer, once all of them are settled."""
        found: dict[str, int] = self.ask("GET", transfer, headers={"Prefer": "wait=30"}).json()["outcomes"]
        return found

    def open(self) -> set[str]:
        """The ids that can be found once search has caught up."""
        wait_for(lambda: not self.exchange.lag("match", "vacancy.normalised.v1"), 30, "match")
        wait_for(lambda: not self.exchange.lag("search", "vacancy.matched.v1"), 30, "search")
        found, page = set[str](), self.exchange.search(source=self.name, limit=100)
        while True:
            found |= {one["ref"].partition(":")[2] for one in page["vacancies"]}
            if page["next"] is None:
                return found
            page = self.exchange.http.get(page["next"]).json()


def body(count: int = TOTAL, first: int = 0) -> bytes:
    return b"\n".join(BODIES[first : first + count]) + b"\n"


ALL = {f"r{n}" for n in range(TOTAL)}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("snapshot"), places_file, {"work": ()}) as exchange:
        yield exchange


@pytest.fixture
def source(exchange: Exchange, request: pytest.FixtureRequest) -> Source:
    source = Source(exchange, f"s{abs(hash(request.node.name)) % 10**8}")
    assert source.snapshot(body(150), body(150, 150))["state"] == "reconciled"
    return source


def test_an_honest_drop_closes_exactly_those(source: Source) -> None:
    told = source.snapshot(body(100), body(170, 100))
    assert (told["state"], told["absent"], told["open"], told["limit"]) == ("reconciled", 30, 300, 60)
    assert source.outcomes(told["absences"]) == {"closed": 30}
    assert source.open() == {f"r{n}" for n in range(270)}
    again = source.snapshot(body())
    assert again["absent"] == 0
    assert source.open() == ALL, "what comes back is open again"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([body(30)], "limit 60"),
        ([body(150)], "limit 60"),
        ([], "the snapshot is empty"),
        ([body().replace(b'"id":"r', b'"id":"renamed')], "300 of 300 would close, limit 60"),
        ([body(290) + b'{"headline": "no id"}\n'], "1 records have no id"),
    ],
    ids=["minus 90 %", "cut in half", "empty", "all ids renamed", "an id is missing"],
)
def test_a_broken_feed_closes_nothing(source: Source, parts: list[bytes], why: str) -> None:
    told = source.snapshot(*parts)
    assert told["state"] == "held"
    assert why in told["told"]
    assert source.outcomes(told["absences"]) == {"held": told["absent"]}
    report = source.ask("GET", told["absences"]).json()
    assert why in report["records"][0]["reason"]["hint"]
    assert source.open() >= ALL
    assert source.exchange.audit()["unaccounted"] == 0


def test_a_page_that_is_no_feed_is_refused_and_closes_nothing(source: Source) -> None:
    place = source.ask("POST", f"{source.path}/snapshots").headers["location"]
    put = source.ask("PUT", f"{place}/parts/1", content=b"<!doctype html><h1>502 Bad Gateway</h1>")
    assert (put.status_code, put.json()["type"]) == (400, "/problems/unreadable-delivery")
    commit = source.ask("POST", f"{place}/commit", params={"count": 300})
    assert (commit.status_code, commit.json()["counted"]) == (409, 0)
    assert source.ask("GET", place).json()["state"] == "open"
    assert source.open() == ALL


def test_a_part_put_again_takes_its_place(source: Source) -> None:
    place = source.ask("POST", f"{source.path}/snapshots").headers["location"]
    for content in (body(10), body(150), body(150)):
        source.ask("PUT", f"{place}/parts/1", content=content)
    source.ask("PUT", f"{place}/parts/2", content=body(150, 150))
    assert source.ask("POST", f"{place}/commit", params={"count": 299}).status_code == 409
    assert source.ask("POST", f"{place}/commit", params={"count": 300}).status_code == 202
    assert source.ask("PUT", f"{place}/parts/3", content=body(1)).status_code == 409


def test_the_operator_releases_what_is_held_and_holds_by_hand(source: Source) -> None:
    held = source.snapshot(body(150))
    source.exchange.command("feed", "release", held["snapshot"])
    wait_for(lambda: len(source.open()) == 150, 40, "the released to be closed")
    source.exchange.command("feed", "hold", source.name, JOBTECH)
    told = source.snapshot(body(149))
    assert "the operator holds" in told["told"]
    source.exchange.command("feed", "hold", source.name, JOBTECH, "--off")
    assert source.snapshot(body(149))["state"] == "reconciled"


def test_one_record_is_ended_by_its_source_alone(source: Source) -> None:
    place = f"/v1/sources/{source.name}/records/r7"
    other = Source(source.exchange, "another")
    assert other.ask("DELETE", place).status_code == 404
    ended = source.ask("DELETE", place, params={"reason": "filled"}, headers={"Prefer": "wait=30"})
    assert (ended.status_code, ended.json()["outcomes"]) == (200, {"closed": 1})
    assert source.open() == ALL - {"r7"}
    stub = source.exchange.http.get(f"/v1/vacancies/{source.name}:r7").json()
    assert (stub["status"], stub["reason"]) == ("closed", "filled")
    for identity, reason, status in (("r7", "filled", 200), ("never", "error", 200), ("r8", "whim", 422)):
        asked = {"params": {"reason": reason}, "headers": {"Prefer": "wait=30"}}
        assert source.ask("DELETE", f"/v1/sources/{source.name}/records/{identity}", **asked).status_code == status


def test_a_delivery_named_by_a_key_is_taken_once(source: Source) -> None:
    path, named = f"{source.path}/records", {"Idempotency-Key": "monday", "Prefer": "wait=30"}
    first = source.ask("POST", path, content=body(2), headers=named)
    again = source.ask("POST", path, content=body(2), headers=named)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = source.ask("POST", path, content=body(3), headers=named)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")


def test_what_readers_report_reaches_the_source_and_what_the_operator_blocks_stays_away(source: Source) -> None:
    exchange, ref = source.exchange, f"{source.name}:r5"
    records, wait = f"{source.path}/records", {"Prefer": "wait=30"}
    for _ in range(2):
        assert exchange.http.post(f"/wrong/{ref}", data={"what": "money"}).status_code == 200
    assert exchange.http.post("/wrong/nobody:1", data={"what": "money"}).status_code == 404
    assert exchange.http.post(f"/wrong/{ref}", data={"what": "whim"}).status_code == 422
    status = source.ask("GET", f"/v1/sources/{source.name}/status").json()
    (report,) = status["reported_by_readers"]
    assert (report["ref"], report["wrong"], report["times"]) == (ref, "money", 2)
    assert (status["open_ads"], status["last_24_hours"]["outcomes"]) == (300, {"published": 300})
    assert status["held_by_guard"] == []
    assert (status["not_stated"]["place"], status["not_stated"]["pay"]) == (0, 1)
    assert status["quality"]["parts"]["accepted"] == 100
    assert 0 < status["quality"]["score"] < 100
    assert source.ask("GET", "/v1/sources/another/status").status_code == 404
    assert exchange.http.get(f"/v1/sources/{source.name}/status").status_code == 401
    assert source.name in exchange.http.get("/sources").text

    exchange.command("vacancy", "block", ref, "--reason", "asks for money")
    wait_for(lambda: source.open() == ALL - {"r5"}, 40, "it to be gone")
    again = source.ask("POST", records, content=body(6), headers=wait).json()
    assert again["outcomes"] == {"unchanged": 5, "rejected": 1}
    (told,) = [line["reason"] for line in again["records"] if line["reason"]]
    assert (told["rule"], told["value"]) == ("blocked", "asks for money")
    rejected = source.ask("GET", f"/v1/sources/{source.name}/status").json()["last_24_hours"]["rejected_by_rule"]
    assert rejected == {"blocked": 1}

    exchange.command("vacancy", "unblock", ref)
    wait_for(lambda: not exchange.lag("ingest", "record.received.v1"), 30, "ingest")
    assert source.ask("POST", records, content=body(6), headers=wait).json()["outcomes"] == {
        "published": 1,
        "unchanged": 5,
    }
    assert source.open() == ALL
    assert exchange.audit()["unaccounted"] == 0
    assert "no vacancy" in exchange_error(exchange, "vacancy", "block", "nobody:1", "--reason", "x")


def exchange_error(exchange: Exchange, *arguments: str) -> str:
    """What a command that refuses says."""
    with pytest.raises(RuntimeError) as refused:
        exchange.command(*arguments)
    return str(refused.value)
