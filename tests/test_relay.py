"""What becomes of a mail when the relay does what relays do. The ledger rests on the truth of each error."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import Deferred, Lost, Refused, smtp
from services.notify.mail.smtp import Relay
from services.notify.mail.way import Way, read
from services.notify.state import MailState
from tests.contracts.test_mail import message
from tests.relays import DRIP, DROP, HANG, QUOTED, USER, Hostile, hostile, relay, serving
from tests.test_ledger import known, opened, person

LARGE = 24_000_000
"""Bytes: more than the two ends of a connection keep for one another."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"CONNECT": 0.6, "BEFORE": 0.6, "AFTER": 0.6}.items():
        monkeypatch.setattr(smtp, name, seconds)


def talk(work: Callable[[Relay, Hostile], Awaitable[None]], options: str = "", **answers: Any) -> None:
    async def main() -> None:
        async with hostile(**answers) as server:
            way = Relay(read(f"smtp://127.0.0.1:{server.port}{options}"))
            try:
                await work(way, server)
            finally:
                await way.close()

    asyncio.run(main())


TROUBLES = [
    # The relay itself is away: no message was begun.
    ("hangs before the greeting", {"greeting": HANG}, Unavailable),
    ("drips a greeting that never ends", {"greeting": DRIP}, Unavailable),
    ("hangs up before the greeting", {"greeting": DROP}, Unavailable),
    ("greets with too many connections", {"greeting": "421 4.7.0 too many connections"}, Unavailable),
    ("greets with no service", {"greeting": "554 no service here"}, Unavailable),
    ("speaks no SMTP", {"greeting": "SSH-2.0-OpenSSH_9"}, Unavailable),
    ("hangs at EHLO", {"EHLO": HANG}, Unavailable),
    ("wants a login", {"MAIL": "530 5.7.0 authentication required"}, Unavailable),
    # This message was not taken, and may be later.
    ("hangs at MAIL", {"MAIL": HANG}, Deferred),
    ("hangs up at MAIL", {"MAIL": DROP}, Deferred),
    ("closes at MAIL", {"MAIL": "421 4.3.2 shutting down"}, Deferred),
    ("drips at RCPT", {"RCPT": DRIP}, Deferred),
    ("does not know yet", {"RCPT": "450 4.2.0 greylisted"}, Deferred),
    ("hangs up at RCPT", {"RCPT": DROP}, Deferred),
    ("has no room", {"DATA": "452 4.3.1 insufficient storage"}, Deferred),
    ("hangs up at DATA", {"DATA": DROP}, Deferred),
    ("hangs at DATA", {"DATA": HANG}, Deferred),
    ("speaks nonsense at DATA", {"DATA": "what?"}, Deferred),
    ("does not want it now", {"dot": "451 4.3.0 try again"}, Deferred),
    # It never will be.
    ("does not know the sender", {"MAIL": "550 5.1.8 sender rejected"}, Refused),
    ("does not know the person", {"RCPT": "550 5.1.1 no such user"}, Refused),
    ("takes no data", {"DATA": "554 5.5.1 no valid recipients"}, Refused),
    ("does not want it", {"dot": "554 5.6.0 message refused"}, Refused),
    # Nobody can know.
    ("hangs up after the dot", {"dot": DROP}, Lost),
    ("hangs after the dot", {"dot": HANG}, Lost),
    ("drips after the dot", {"dot": DRIP}, Lost),
    ("closes after the dot", {"dot": "421 4.3.2 shutting down"}, Lost),
    ("speaks nonsense after the dot", {"dot": "what?"}, Lost),
    ("says go on after the dot", {"dot": "354 go on"}, Lost),
]


@pytest.mark.parametrize(("answers", "error"), [pytest.param(*row[1:], id=row[0]) for row in TROUBLES])
def test_each_trouble_has_its_true_name(answers: dict[str, str], error: type[Exception]) -> None:
    async def work(way: Relay, server: Hostile) -> None:
        began = time.monotonic()
        with pytest.raises(error):
            await way.send("m1", message())
        assert time.monotonic() - began < 5, "it is bounded"
        assert (len(server.bodies) == 1) is ("dot" in answers), "what is said to be not taken never had its dot"
        assert way._idle == [], "a connection that has seen trouble is not used again"

    talk(work, **answers)


def test_a_relay_that_is_not_there_is_away() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        other = Relay(read("smtp://127.0.0.1:1"))
        for doing in (other.send("m1", message()), other.ready(), other.check()):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
                await doing

    talk(work)


@pytest.mark.parametrize("end", [DROP, HANG])
def test_a_message_broken_off_before_its_dot_was_not_taken(end: str) -> None:
    async def work(way: Relay, server: Hostile) -> None:
        large = message()
        large.set_content("x" * 70 + "\n" + ("y" * 70 + "\n") * (LARGE // 71))
        with pytest.raises(Deferred):
            await way.send("m1", large)
        assert server.bodies == []

    talk(work, body=end)


def test_an_answer_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(way: Relay, server: Hostile) -> None:
        monkeypatch.setattr(smtp, "AFTER", 20)
        sending = asyncio.create_task(way.send("m1", message()))
        await asyncio.sleep(1.5)
        assert not sending.done(), "longer than what comes before the dot may take"
        sending.cancel()
        await asyncio.wait({sending})
        assert way._idle == []

    talk(work, dot=HANG)


def test_what_is_deferred_once_is_taken_the_next_time() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        with pytest.raises(Deferred):
            await way.send("m1", message())
        await way.send("m1", message())
        assert len(server.bodies) == 1

    talk(work, RCPT=["450 4.2.0 greylisted", "250 ok"])


@pytest.mark.parametrize(
    ("answers", "state", "taken"),
    [
        ({}, MailState.SENT, 1),
        ({"greeting": ["421 4.7.0 busy", "220 relay"]}, MailState.SENT, 1),
        ({"RCPT": ["450 4.2.0 greylisted", "250 ok"]}, MailState.SENT, 1),
        ({"DATA": [DROP, "354 go on"]}, MailState.SENT, 1),
        ({"dot": ["451 4.3.0 try again", "250 taken"]}, MailState.SENT, 2),
        ({"dot": [DROP, "250 taken"]}, MailState.AMBIGUOUS, 1),
        ({"dot": [HANG, "250 taken"]}, MailState.AMBIGUOUS, 1),
        ({"RCPT": "550 5.1.1 no such user"}, MailState.FAILED, 0),
    ],
    ids=str,
)
def test_an_alert_ends_once_and_in_truth(tmp_path: Path, answers: Any, state: MailState, taken: int) -> None:
    """The whole way: ledger, sender, relay. `taken` counts the messages whose dot the relay saw."""

    async def work(way: Relay, server: Hostile) -> None:
        async with opened(tmp_path, way) as desk:
            await desk.matched(await known(desk, person()), "x:1")
            await desk.gather()
            for _ in range(4):
                with contextlib.suppress(Unavailable):
                    await desk.sender.send_all()
                await desk.aged("due", "until")
                await desk.recover()
                await desk.gather()
            assert await desk.states() == [state]
            assert len(server.bodies) == taken

    talk(work, **answers)


def test_connections_are_kept_asked_and_made_anew() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        for _ in range(3):
            await way.ready()
            await way.send("m1", message())
        assert (server.connections, server.steps.count("NOOP")) == (1, 2)

    async def idle(way: Relay, server: Hostile) -> None:
        for _ in range(3):
            await way.ready()
            await way.send("m1", message())
        assert (server.connections, len(server.bodies)) == (3, 3), "closed between two mails: none is in doubt"

    talk(work)
    for end in (DROP, HANG, "421 4.4.2 idle too long"):
        talk(idle, NOOP=end)


def test_a_relay_without_eight_bits_gets_seven() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        await way.send("m1", message())
        assert server.bodies[0].isascii()
        with pytest.raises(Refused, match="ASCII"):
            await way.send("m2", message(to="søren@example.org"))

    talk(work, EHLO="250 relay")


def test_no_address_is_in_what_is_told_of_a_refusal() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        with pytest.raises(Refused, match=r"550 5.1.1 .address. unknown") as error:
            await way.send("m1", message())
        assert "someone" not in repr(error.value)

    talk(work, RCPT="550 5.1.1 <someone@example.org> unknown")


def test_no_more_mails_leave_than_were_asked_for() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        began = time.monotonic()
        for _ in range(6):
            await way.ready()
            await way.send("m1", message())
        assert time.monotonic() - began >= 5 / 20

    talk(work, "?rate=20")


def test_a_relay_without_tls_is_spoken_to_only_where_it_may() -> None:
    async def work(way: Relay, server: Hostile) -> None:
        with pytest.raises(Misconfigured, match="STARTTLS"):
            await way.check()
        with pytest.raises(Unavailable, match="STARTTLS"):
            await way.send("m1", message())
        assert "MAIL" not in server.steps

    talk(work, "?tls=starttls")


def alone(work: Awaitable[Any]) -> Any:
    async def main() -> Any:
        try:
            return await work
        finally:
            await asyncio.sleep(0.05)  # TLS says good-bye

    return asyncio.run(main())


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_vouches_for_is_named_and_nothing_is_sent(scheme: str, certificate: Path) -> None:
    with relay(serving(certificate), implicit=scheme == "smtps") as (port, taken):
        url = f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}{'' if scheme == 'smtps' else '?tls=starttls'}"
        with pytest.raises(Misconfigured, match=r"certificate.*ca=FILE"):
            alone(Relay(read(url)).check())
        with pytest.raises(Unavailable, match="certificate"):
            alone(Relay(read(url)).send("m1", message()))
        assert taken.envelopes == []


def test_a_wrong_password_is_named_and_not_shown(certificate: Path) -> None:
    with relay(serving(certificate)) as (port, taken):
        url = f"smtp://{USER}:hunter2@127.0.0.1:{port}?tls=starttls&ca={certificate}.crt"
        with pytest.raises(Misconfigured, match=r"does not know us.*PENDLER_MAIL") as error:
            alone(Relay(read(url)).check())
        with pytest.raises(Unavailable):
            alone(Relay(read(url)).ready())
        assert "hunter2" not in repr(error.value) + repr(read(url))
        assert taken.envelopes == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://127.0.0.1?conections=3", "conections: .*there are tls, ca, connections, rate"),
        ("smtp://127.0.0.1?connections=0", "connections: "),
        ("smtp://127.0.0.1?rate=-1", "rate: "),
        ("smtp://127.0.0.1?tls=maybe", "tls: "),
        ("smtp://127.0.0.1?ca=/nowhere.pem", "ca=/nowhere.pem"),
        ("smtp://a:b@relay.example.org?tls=off", "in clear"),
        ("smtp://a:b@[::1", "no URL"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        Relay(read(url))


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://relay.example.org", 587, "starttls"),
        ("smtp://relay.example.org:25?tls=off", 25, "off"),
        ("smtps://relay.example.org", 465, "implicit"),
        ("smtp://127.0.0.1:1025", 1025, "off"),
        ("smtp://[::1]", 587, "off"),
        ("smtp://localhost?tls=starttls", 587, "starttls"),
    ],
)
def test_mail_goes_under_tls_but_for_loopback(url: str, port: int, tls: str) -> None:
    way: Way = read(url)
    assert (way.port, way.tls) == (port, tls)
