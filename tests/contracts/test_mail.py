"""What every way to send mail must do."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from pendler.service import Unavailable
from services.notify.mail import open_mail


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "3 nieuwe banen voor “lasser”"
    made["To"] = "someone@example.org"
    made["List-Unsubscribe"] = f"<https://example.org/{'long' * 60}>"
    made.set_content("Æøå\n")
    return made


def test_a_message_arrives_whole_and_its_fate_is_known(tmp_path: Path) -> None:
    mail = open_mail(f"file:{tmp_path / 'mail'}")
    assert asyncio.run(mail.fate("m1")) is False
    asyncio.run(mail.send("m1", message()))
    assert asyncio.run(mail.fate("m1")) is True
    (sent,) = (tmp_path / "mail").glob("*.eml")
    read = message_from_bytes(sent.read_bytes(), policy=policy.default)
    assert read["Subject"] == "3 nieuwe banen voor “lasser”"
    assert read["List-Unsubscribe"] == message()["List-Unsubscribe"]
    assert read.get_content().split() == ["Æøå"]
    assert b"=?" not in next(line for line in sent.read_bytes().splitlines() if line.startswith(b"List-Unsubscribe"))


def test_sending_twice_is_seen_as_two(tmp_path: Path) -> None:
    mail = open_mail(f"file:{tmp_path}")
    asyncio.run(mail.send("m1", message()))
    asyncio.run(mail.send("m1", message()))
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_a_folder_that_cannot_be_written_is_an_engine_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        asyncio.run(open_mail(f"file:{tmp_path / 'file' / 'mail'}").send("m1", message()))


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(ValueError, match="PENDLER_MAIL"):
        open_mail("pigeon://loft")
