"""The operator's commands for alerts: subscribers by hand, digests that are due, books that are even."""

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pendler.store import Store, open_store
from services.notify import ledger, subscribing
from services.notify.commands import app
from services.notify.gathering import gather
from services.notify.state import MAILS, MATCHES, SUBSCRIPTIONS, Kind, MailState, match_key

DAY = 86400.0
Command = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, places_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(places_file, tmp_path / "places.db")
    monkeypatch.setenv("PENDLER_HOME", str(tmp_path))
    monkeypatch.setenv("PENDLER_SECRET", "key")
    return tmp_path


@pytest.fixture
def command(home: Path) -> Command:
    def run(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.output

    return run


def in_store(home: Path, work: Callable[[Store], Awaitable[Any]]) -> Any:
    async def opened() -> Any:
        store = open_store(f"file:{home / 'store'}", "notify")
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


async def matched(store: Store, subscription: str, *refs: str, due: float = 1.0) -> None:
    one = await subscribing.find(store, subscription)
    assert one
    item = {"ref": "x", "title": "Lasser"}
    await ledger.record(
        store,
        {
            match_key(one.subscriber, ref, 1): {
                "subscription": one.id, "ref": ref, "item": item, "matched_at": 1.0, "due": due,
            }
            for ref in refs
        },
    )  # fmt: skip


def test_a_subscriber_is_asked_listed_exported_and_erased(home: Path, command: Command) -> None:
    added = command("subscriber", "add", "a@example.org", "q=lasser&near=Zelzate&km=40", "--frequency", "weekly")
    assert added["state"] == "unconfirmed"
    (mail,) = in_store(home, lambda store: store.find(MAILS))
    assert mail[1]["kind"] == Kind.CONFIRM
    (listed,) = command("subscriber", "list", "--json")
    understood = "?q=lasser&also=lasser%3Dhttp%3A%2F%2Fdata.europa.eu%2Fesco%2Fisco%2FC7212&near=Zelzate&km=40"
    assert (listed["frequency"], listed["search"]) == ("weekly", understood)
    assert "a@example.org" not in str(listed)
    assert command("subscriber", "list", "A@example.org", "--json") == [listed]
    assert command("subscriber", "list", "b@example.org", "--json") == []
    (exported,) = command("subscriber", "export", "a@example.org")["subscriptions"]
    assert (exported["address"], exported["origin"]["name"]) == ("a@example.org", "Zelzate")
    assert "erased 1" in command("subscriber", "erase", "a@example.org")
    assert command("subscriber", "list", "--json") == []
    assert "a@example.org" not in str(in_store(home, lambda store: store.find(SUBSCRIPTIONS)))


@pytest.mark.parametrize(
    ("address", "search", "why"),
    [
        ("nobody", "", "no e-mail address"),
        ("a@example.org", "near=Nowhereatall", "No place"),
        ("a@b.c\n", "km=0", "km"),
    ],
)
def test_what_cannot_be_subscribed_is_named(command: Command, address: str, search: str, why: str) -> None:
    assert why in command("subscriber", "add", address, search, code=1)


def test_a_digest_is_shown_dry_then_made_once(home: Path, command: Command) -> None:
    one = command("subscriber", "add", "a@example.org")["subscription"]
    today = time.strftime("%Y-%m-%d", time.gmtime())

    async def fill(store: Store) -> None:
        await matched(store, one, "x:1", "x:2", due=time.time())
        await matched(store, one, "x:3", due=time.time() - 6 * DAY)

    in_store(home, fill)
    assert command("digest", "run", "--date", "2020-01-01", "--dry-run", "--json") == []
    dry = command("digest", "run", "--date", today, "--dry-run", "--json")
    assert dry == [{"subscription": one, "jobs": 3, "state": "unconfirmed"}]
    assert in_store(home, lambda store: store.count(MAILS)) == 1
    assert command("digest", "run", "--date", today, "--json") == dry
    assert command("digest", "run", "--date", today, "--json") == []
    mails = [doc for _, doc in in_store(home, lambda store: store.find(MAILS)) if doc["kind"] == Kind.ALERT]
    assert [len(doc["matches"]) for doc in mails] == [3]


def test_the_audit_of_the_books_sees_what_is_wrong(home: Path, command: Command) -> None:
    one = command("subscriber", "add", "a@example.org")["subscription"]

    async def fill(store: Store) -> None:
        await matched(store, one, "x:1", "x:2")
        await gather(store, 2.0)
        await matched(store, one, "x:3", due=9e9)

    in_store(home, fill)
    report = command("ledger", "audit", "--json")
    assert report["matches"] == {"waiting": 1, "claimed": 2}
    assert report["mails"] == {"pending": 2}
    assert report["wrong"] == report["ambiguous"] == []

    async def twice(store: Store) -> None:
        ((_, doc),) = [each for each in await store.find(MAILS) if each[1]["matches"]]
        await store.put(MAILS, {"again": {**doc, "state": MailState.AMBIGUOUS}})

    in_store(home, twice)
    report = command("ledger", "audit", "--json", code=1)
    assert report["ambiguous"] == ["again"]
    assert len(report["wrong"]) == 2

    async def lost(store: Store) -> None:
        await store.delete(MAILS, [key for key, _ in await store.find(MAILS)])

    in_store(home, lost)
    assert len(command("ledger", "audit", "--json", code=1)["wrong"]) == 2
    assert in_store(home, lambda store: store.count(MATCHES)) == 3
