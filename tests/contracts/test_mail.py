"""What every way to send mail must do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

import pytest

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import Mail, open_mail
from tests.mail_server import mail_server

T = TypeVar("T")


@dataclass(frozen=True)
class Way:
    """A way, by its URL, and what has arrived by it."""

    url: str
    arrived: Callable[[], list[bytes]]


@pytest.fixture(params=["outbox", "smtp"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    if request.param == "outbox":
        folder = tmp_path / "mail"
        yield Way(f"file:{folder}", lambda: [path.read_bytes() for path in sorted(folder.glob("*.eml"))])
    else:
        with mail_server() as server:
            yield Way(f"smtp://{server.address}", server.arrived)


def message(to: str = "someone@example.org") -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "3 nieuwe banen voor “lasser”"
    made["From"] = "Pendler <alerts@example.org>"
    made["To"] = to
    made["List-Unsubscribe"] = f"<https://example.org/{'long' * 60}>"
    made.set_content("Æøå\n.\nA line with a dot alone went before.\n")
    return made


def use(url: str, work: Callable[[Mail], Awaitable[T]]) -> T:
    """Runs something with a way to send mail, as a process would."""

    async def opened() -> T:
        mail = open_mail(url)
        try:
            return await work(mail)
        finally:
            await mail.close()

    return asyncio.run(opened())


def send(way: Way, *identities: str) -> None:
    async def work(mail: Mail) -> None:
        await asyncio.gather(*(mail.send(identity, message()) for identity in identities))

    use(way.url, work)


def test_a_message_arrives_whole(way: Way) -> None:
    send(way, "m1")
    (sent,) = way.arrived()
    read = message_from_bytes(sent, policy=policy.default)
    assert read["Subject"] == "3 nieuwe banen voor “lasser”"
    assert read["List-Unsubscribe"] == message()["List-Unsubscribe"]
    assert read.get_content().split() == ["Æøå", ".", *["A", "line", "with", "a", "dot", "alone", "went", "before."]]
    assert b"=?" not in next(line for line in sent.splitlines() if line.startswith(b"List-Unsubscribe"))


def test_sending_twice_is_seen_as_two(way: Way) -> None:
    send(way, "m1")
    send(way, "m1")
    assert len(way.arrived()) == 2


def test_many_at_once_arrive_each_once(way: Way) -> None:
    send(way, *(f"m{n}" for n in range(25)))
    assert len(way.arrived()) == 25


def test_it_says_what_it_is(way: Way) -> None:
    assert use(way.url, lambda mail: mail.check()).startswith(("outbox folder", "SMTP, 127.0.0.1"))


def test_the_outbox_knows_the_fate_of_a_message_and_a_mail_server_does_not(way: Way) -> None:
    unknown = None if way.url.startswith("smtp") else False
    assert use(way.url, lambda mail: mail.fate("m1")) is unknown
    send(way, "m1")
    assert use(way.url, lambda mail: mail.fate("m1")) is (None if unknown is None else True)


def test_a_folder_that_cannot_be_written_is_an_engine_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        use(f"file:{tmp_path / 'file' / 'mail'}", lambda mail: mail.send("m1", message()))


@pytest.mark.parametrize("url", ["pigeon://loft", "smtp://", "smtp://host?speed=3"])
def test_what_names_no_way_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="PENDLER_MAIL"):
        open_mail(url)
