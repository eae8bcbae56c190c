"""Mail servers that misbehave: what became of the message is never guessed."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import Lost, Mail, Refused
from tests.contracts.test_mail import message, use
from tests.mail_server import Step, mail_server, scripted

QUICK = "timeout=1"
Answers = dict[str, list[Sequence[Step]]]
CASES: dict[str, tuple[Answers, type[Exception] | None]] = {
    "hangs before it greets": ({"greeting": [[5.0, None]]}, Unavailable),
    "drips its greeting": ({"greeting": [[0.7, "220-wait"] * 6]}, Unavailable),
    "does not want us": ({"greeting": [["554 go away", None]]}, Unavailable),
    "hangs up at once": ({"greeting": [[None]]}, Unavailable),
    "puts off the sender, then takes it": ({"MAIL": [["451 later"], ["250 ok"]]}, None),
    "puts off the recipient, then takes it": ({"RCPT": [["450 greylisted"], ["250 ok"]]}, None),
    "closes for a while, then takes it": ({"MAIL": [["421 shutting down", None], ["250 ok"]]}, None),
    "puts off the message, then takes it": ({"end": [["452 full"], ["250 taken"]]}, None),
    "puts it off for ever": ({"RCPT": [["450 later"]]}, Unavailable),
    "knows no such recipient": ({"RCPT": [["550 no such user"]]}, Refused),
    "refuses the sender": ({"MAIL": [["553 not you"]]}, Refused),
    "refuses the message": ({"end": [["554 spam"]]}, Refused),
    "refuses DATA": ({"DATA": [["554 no"]]}, Refused),
    "hangs up at the sender": ({"MAIL": [[None]]}, Unavailable),
    "hangs at the recipient": ({"RCPT": [[5.0, None]]}, Unavailable),
    "drops the reply after the final dot": ({"end": [[None]]}, Lost),
    "hangs after the final dot": ({"end": [[5.0, None]]}, Lost),
    "answers nonsense after the final dot": ({"end": [["hello"]]}, Lost),
}


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_a_message_is_never_guessed(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, wrong = CASES[case]
    monkeypatch.setattr("services.notify.mail.smtp.RETRIES", (0.05, 0.1))
    with scripted(**answers) as (address, script):
        url = f"smtp://{address}?{QUICK}"
        if wrong is None:
            use(url, lambda mail: mail.send("m1", message()))
            assert script.heard.count(".") == 1 + (case == "puts off the message, then takes it")
        else:
            with pytest.raises(wrong):
                use(url, lambda mail: mail.send("m1", message()))
        assert wrong is not Lost or script.heard.count(".") == 1, "what may have arrived is not sent again"


def test_nobody_there_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{closed.getsockname()[1]}?{QUICK}"
        with pytest.raises(Unavailable):
            use(url, lambda mail: mail.send("m1", message()))


def test_a_connection_that_was_closed_between_mails_is_made_anew() -> None:
    async def two(mail: Mail) -> None:
        await mail.send("m1", message())
        await mail.send("m2", message())

    with scripted(NOOP=[[None]]) as (address, script):
        use(f"smtp://{address}?{QUICK}", two)
        assert script.heard.count(".") == 2


def test_encryption_is_asked_for_beyond_loopback_and_never_given_up() -> None:
    with mail_server() as server:
        with pytest.raises(Unavailable):
            use(f"smtp://{server.address}?tls=1&{QUICK}", lambda mail: mail.send("m1", message()))
        with pytest.raises(Misconfigured, match="encryption"):
            use(f"smtp://{server.address}?tls=1&{QUICK}", lambda mail: mail.check())
        with pytest.raises(Unavailable):
            use(f"smtps://{server.address}?{QUICK}", lambda mail: mail.send("m1", message()))
        assert server.arrived() == []


def test_a_wrong_password_is_told_with_the_setting() -> None:
    shut = scripted(EHLO=[["250-here\r\n250 AUTH PLAIN"]], AUTH=[["535 no"]])
    with shut as (address, _), pytest.raises(Misconfigured, match="PENDLER_MAIL"):
        use(f"smtp://me:wrong@{address}?{QUICK}", lambda mail: mail.check())


def test_the_password_is_in_no_error() -> None:
    with scripted(EHLO=[["250-here\r\n250 AUTH PLAIN"]], AUTH=[["535 no"]]) as (address, _):
        with pytest.raises(Unavailable) as told:
            use(f"smtp://me:s3cret@{address}?{QUICK}", lambda mail: mail.send("m1", message()))
        assert "s3cret" not in str(told.value)


def test_letters_beyond_ascii_in_an_address_need_a_server_that_takes_them() -> None:
    with mail_server() as server:
        use(f"smtp://{server.address}", lambda mail: mail.send("m1", message("søren@example.org")))
        assert len(server.arrived()) == 1
    with scripted() as (address, _), pytest.raises(Refused):
        use(f"smtp://{address}?{QUICK}", lambda mail: mail.send("m1", message("søren@example.org")))


def test_no_more_mails_a_second_than_allowed() -> None:
    async def some(mail: Mail) -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(mail.send(f"m{n}", message()) for n in range(11)))
        return asyncio.get_running_loop().time() - began

    with mail_server() as server:
        assert use(f"smtp://{server.address}?rate=20", some) >= 10 / 20
