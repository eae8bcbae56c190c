"""What every way to send mail must do, in a folder and through a relay."""

import asyncio
from collections.abc import Callable, Iterator
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest

from pendler.service import Misconfigured, Unavailable
from services.notify.mail import Mail, open_mail
from tests.relays import PASSWORD, QUOTED, USER, relay, serving


class Way(NamedTuple):
    """A way to send, what has come out at its end, and whether it can tell."""

    url: str
    taken: Callable[[], list[bytes]]
    tells: bool


@pytest.fixture(params=["folder", "relay", "relay with STARTTLS", "relay with TLS"])
def way(request: pytest.FixtureRequest, tmp_path: Path, certificate: Path) -> Iterator[Way]:
    if request.param == "folder":
        yield Way(f"file:{tmp_path / 'mail'}", lambda: [path.read_bytes() for path in tmp_path.rglob("*.eml")], True)
    elif request.param == "relay":
        with relay() as (port, taken):
            yield Way(f"smtp://127.0.0.1:{port}", lambda: taken.contents, False)
    else:
        implicit = request.param == "relay with TLS"
        scheme, option = ("smtps", "") if implicit else ("smtp", "&tls=starttls")
        with relay(serving(certificate), implicit) as (port, taken):
            url = f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}?ca={certificate}.crt{option}"
            yield Way(url, lambda: taken.contents, False)


def message(**headers: str) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "3 nieuwe banen voor “lasser”"
    made["From"] = "alerts@pendler.example.org"
    made["To"] = headers.get("to", "someone@example.org")
    made["List-Unsubscribe"] = f"<https://example.org/{'long' * 60}>"
    made.set_content("Æøå\n.\n..two\n.\r\nend\n")
    return made


def use(url: str, *identities: str, to: str = "someone@example.org") -> list[bool | None]:
    """Sends these at once; what is then known of each."""

    async def main() -> list[bool | None]:
        mail = open_mail(url)
        try:
            await asyncio.gather(*(send(mail, identity, to) for identity in identities))
            return [await mail.fate(identity) for identity in identities]
        finally:
            await mail.close()

    return asyncio.run(main())


async def send(mail: Mail, identity: str, to: str) -> None:
    await mail.ready()
    await mail.send(identity, message(to=to))


def test_a_message_arrives_whole(way: Way) -> None:
    use(way.url, "m1")
    (sent,) = way.taken()
    read = message_from_bytes(sent, policy=policy.default)
    assert read["Subject"] == "3 nieuwe banen voor “lasser”"
    assert read["List-Unsubscribe"] == message()["List-Unsubscribe"]
    assert read.get_content().splitlines() == ["Æøå", ".", "..two", ".", "end"]
    assert b"=?" not in next(line for line in sent.splitlines() if line.startswith(b"List-Unsubscribe"))


def test_an_address_in_other_letters_arrives(way: Way) -> None:
    use(way.url, "m1", to="søren@example.org")
    (sent,) = way.taken()
    read = message_from_string(sent.decode(), policy=policy.default)
    assert read["To"].addresses[0].addr_spec == "søren@example.org"


def test_the_fate_of_a_message_is_known_or_owned_to_be_unknown(way: Way) -> None:
    assert use(way.url, "m1", "m2") == ([True, True] if way.tells else [None, None])
    assert asyncio.run(open_mail(way.url).fate("other")) is (False if way.tells else None)


def test_sending_twice_is_seen_as_two(way: Way) -> None:
    use(way.url, "m1", "m1")
    assert len(way.taken()) == 2


def test_what_takes_the_mails_says_so(way: Way) -> None:
    told = asyncio.run(open_mail(way.url).check())
    assert "outbox folder" in told if way.tells else "SMTP, 127.0.0.1:" in told
    assert PASSWORD not in told


def test_a_folder_that_cannot_be_written_is_an_engine_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable):
        use(f"file:{tmp_path / 'file' / 'mail'}", "m1")


@pytest.mark.parametrize("url", ["pigeon://user:hunter2@loft", "", "smtp:", "smtp://user:hun/ter2@host:1"])
def test_a_url_that_is_none_is_named_without_what_is_secret_in_it(url: str) -> None:
    with pytest.raises(Misconfigured, match="PENDLER_MAIL") as error:
        open_mail(url)
    assert "ter2" not in str(error.value)
