"""What comes back: reports of delivery (RFC 3464) from a folder, by which an address that fails is mailed no more.

    delivered -> soft, counted -> suppressed after five in a row
    delivered -> hard -> suppressed at once

Suppressed, a person's subscriptions rest, and their page says so. They can start them again, and a new yes by mail
proves that the address works. What is no report (somebody is on holiday) says nothing about an address.
"""

import asyncio
import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from enum import StrEnum
from pathlib import Path

import structlog

from pendler.service import Result
from pendler.store import Store
from services.notify import subscribing
from services.notify.state import MAILS, REACH, State

log = structlog.get_logger()
SOFT_IN_A_ROW, ROW = 5, 30 * 86400.0
"""Soft bounces, and the seconds within which they are one row."""
LARGEST, AT_ONCE = 1_000_000, 500


class Reach(StrEnum):
    """Whether a person's mail arrives, as far as is known."""

    DELIVERED = "delivered"
    SOFT = "soft"
    HARD = "hard"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True)
class Report:
    """What a report says of one of our mails, by its name."""

    mail: str
    reach: Reach


def read(content: bytes) -> Report | None:
    """The report that a message is; None where it is none, or not about a mail of ours."""
    message = message_from_bytes(content, policy=policy.default)
    parts = list(message.walk())
    told = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    original = next((name for part in parts if (name := _original(part))), "")
    reach = _reach(told[0]) if told else None
    return Report(original, reach) if original and reach else None


def _original(part: Message) -> str:
    """The name of our mail, where this part is what came back of it."""
    match part.get_content_type():
        case "message/rfc822":
            came_back = _blocks(part)
        case "text/rfc822-headers":
            came_back = [message_from_bytes(bytes(part.get_payload(decode=True) or b""))]
        case _:
            came_back = []
    names = (str(each["Message-ID"] or "") for each in came_back)
    return next((name.strip().removeprefix("<").partition("@")[0] for name in names), "")


def _blocks(part: Message) -> list[Message]:
    """The messages or blocks of headers within a part."""
    within = part.get_payload()
    return [each for each in within if isinstance(each, Message)] if isinstance(within, list) else []


def _reach(told: Message) -> Reach | None:
    """By the action and the class of the status: `failed` and 5.x.x is for good."""
    for block in _blocks(told):
        action, status = str(block["Action"] or "").strip().lower(), str(block["Status"] or "").strip()
        if action == "failed":
            return Reach.HARD if status.startswith("5") else Reach.SOFT
        if action == "delayed":
            return Reach.SOFT
        if action in ("delivered", "relayed", "expanded"):
            return Reach.DELIVERED
    return None


async def collect(store: Store, folder: Path) -> Result:
    """Reads what lies in the folder; a message is removed once what it says is kept."""
    for path in await asyncio.to_thread(_lying, folder):
        report = read((await asyncio.to_thread(path.read_bytes))[:LARGEST])
        if report is None or not await note(store, report):
            log.info("no report on a mail of ours")
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return Result()


def _lying(folder: Path) -> list[Path]:
    """The messages in a folder; a name that begins with a dot is still being written."""
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in there if path.is_file() and not path.name.startswith(".")][:AT_ONCE]


async def note(store: Store, report: Report) -> bool:
    """Keeps what is known of an address now, by the number of its person; whether the mail was one of ours."""
    mail = (await store.get(MAILS, [report.mail])).get(report.mail)
    one = mail and await subscribing.find(store, mail["subscription"])
    if not one:
        return False
    known = (await store.get(REACH, [one.subscriber])).get(one.subscriber, {"soft": 0, "at": 0.0, "version": 0})
    now = time.time()
    soft = (known["soft"] if now - known["at"] < ROW else 0) + 1 if report.reach is Reach.SOFT else 0
    suppressed = report.reach is Reach.HARD or soft >= SOFT_IN_A_ROW
    reach = Reach.SUPPRESSED if suppressed else report.reach
    why = {"state": reach, "last": report.reach, "soft": soft, "at": now, "version": known["version"] + 1}
    await store.put(REACH, {one.subscriber: why}, guard=True)
    for each in await subscribing.of(store, one.subscriber) if suppressed else []:
        if each.state is State.ACTIVE:
            await subscribing.change(store, each, state=State.PAUSED)
    return True
