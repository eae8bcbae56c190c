"""Reports of delivery as mail servers write them, and what becomes of an address by them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pendler.store import Store
from pendler.store.sqlite import SqliteStore
from schemas.query import Query
from services.notify import bounces, ledger
from services.notify.bounces import SOFT_IN_A_ROW, Reach, Report, collect, read
from services.notify.state import MAILS, REACH, SUBSCRIPTIONS, Kind, MailState, State, subscription

IDENTITY = "0123456789abcdef0123456789abcdef"


def report(action: str = "failed", status: str = "5.1.1", back: str = "message/rfc822", mail: str = IDENTITY) -> bytes:
    return f"""From: MAILER-DAEMON@relay.example.org
To: alerts@pendler.example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I am sorry: <a@example.org> is unknown.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.org

Final-Recipient: rfc822; a@example.org
Action: {action}
Status: {status}

--b
Content-Type: {back}

From: Pendler <alerts@pendler.example.org>
To: a@example.org
Message-ID: <{mail}@pendler.example.org>
Subject: 3 new jobs

--b--
""".replace("\n", "\r\n").encode()


HOLIDAY = b"From: a@example.org\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday.\r\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (report(), Report(IDENTITY, Reach.HARD)),
        (report("Failed", "5.2.2"), Report(IDENTITY, Reach.HARD)),
        (report("failed", "4.4.7"), Report(IDENTITY, Reach.SOFT)),
        (report("delayed", "4.2.2"), Report(IDENTITY, Reach.SOFT)),
        (report("delivered", "2.0.0"), Report(IDENTITY, Reach.DELIVERED)),
        (report(back="text/rfc822-headers"), Report(IDENTITY, Reach.HARD)),
        (report("exploded"), None),
        (report(back="text/plain"), None),
        (HOLIDAY, None),
        (b"", None),
        (b"\xff\x00" * 1000, None),
        (report().replace(b"message/delivery-status", b"text/plain"), None),
        (report()[:500], None),
    ],
)
def test_a_report_is_read(content: bytes, expected: Report | None) -> None:
    assert read(content) == expected


def with_mail(tmp_path: Path, work: Callable[[Store, str], Awaitable[None]]) -> None:
    async def main() -> None:
        store = SqliteStore(str(tmp_path / "notify.db"))
        made = subscription("a@example.org", "en", Query(), None, datetime.now(UTC), "key")
        await store.put(SUBSCRIPTIONS, {made.id: {**made.document(), "state": State.ACTIVE}})
        await store.insert(MAILS, {IDENTITY: ledger.new_mail(made.id, Kind.ALERT, MailState.SENT)})
        await work(store, made.id)
        await store.close()

    asyncio.run(main())


def drop(folder: Path, *contents: bytes) -> None:
    folder.mkdir(exist_ok=True)
    for n, content in enumerate(contents):
        (folder / f"{n}.eml").write_bytes(content)


async def state_of(store: Store, identity: str) -> str:
    return str((await store.get(SUBSCRIPTIONS, [identity]))[identity]["state"])


@pytest.mark.parametrize(
    ("contents", "reach", "state"),
    [
        ([report()], Reach.SUPPRESSED, State.PAUSED),
        ([report(status="4.2.2")], Reach.SOFT, State.ACTIVE),
        ([report(status="4.2.2")] * (SOFT_IN_A_ROW - 1), Reach.SOFT, State.ACTIVE),
        ([report(status="4.2.2")] * SOFT_IN_A_ROW, Reach.SUPPRESSED, State.PAUSED),
        ([*[report(status="4.2.2")] * 4, report("delivered"), *[report(status="4.2.2")] * 4], Reach.SOFT, State.ACTIVE),
        ([HOLIDAY, report(mail="somebody-elses")], None, State.ACTIVE),
    ],
    ids=["hard", "soft", "four soft", "five soft", "delivered between", "none of ours"],
)
def test_what_becomes_of_an_address(tmp_path: Path, contents: list[bytes], reach: Reach | None, state: State) -> None:
    async def work(store: Store, identity: str) -> None:
        drop(tmp_path / "bounces", *contents)
        await collect(store, tmp_path / "bounces")
        found = await store.find(REACH)
        assert [doc["state"] for _, doc in found] == ([reach] if reach else [])
        assert "example.org" not in str(found)
        assert await state_of(store, identity) == state
        assert list((tmp_path / "bounces").iterdir()) == []

    with_mail(tmp_path, work)


def test_no_folder_is_no_error(tmp_path: Path) -> None:
    async def work(store: Store, _: str) -> None:
        await collect(store, tmp_path / "none")
        assert await bounces.note(store, Report("unknown", Reach.HARD)) is False

    with_mail(tmp_path, work)
