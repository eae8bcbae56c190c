"""The digest of 10,000 subscriptions, and 10,000 mails sent by a process that is killed fifty times, seeded."""

import asyncio
import dataclasses
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.mailbox import mailbox
from bench.mails import ITEM
from pendler.memory import settle_down
from pendler.settings import Settings
from pendler.store import Store, everything, open_store
from schemas.query import Query
from services.notify import ledger, subscribing
from services.notify.gathering import gather
from services.notify.mail import open_mail
from services.notify.operating import audit
from services.notify.sender import Sender
from services.notify.state import MAILS, MATCHES, SUBSCRIPTIONS, MailState, State, match_key, subscription

PEOPLE, EACH, KILLS, SEED = 10_000, 5, 50, 20261125
LOST_REPLIES = 0.01
SETTINGS = Settings(secret=SecretStr("key"))


def digest(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:  # noqa: ARG001
    """From all matches due to every mail in the folder: gathered, written, sent, booked."""
    folder.mkdir(parents=True, exist_ok=True)

    async def all_of_it() -> dict[str, float]:
        store, mail = open_store(f"file:{folder}", "notify"), open_mail(f"file:{folder / 'mail'}")
        await fill(store, EACH)
        settle_down()  # as every worker does
        began, worked = time.perf_counter(), time.process_time()
        while await store.count(MATCHES, {"mail": ledger.UNCLAIMED}):
            await gather(store, time.time())
        gathered, sender = time.perf_counter() - began, Sender(store, mail, SETTINGS)
        while await store.count(MAILS, {"state": MailState.PENDING}):
            await sender.send_all()
        took = {"all": time.perf_counter() - began, "gathering_s": gathered, "cpu_s": time.process_time() - worked}
        assert await store.count(MAILS, {"state": MailState.SENT}) == PEOPLE
        await store.close()
        return {name: round(seconds, 1) for name, seconds in took.items()}

    took = asyncio.run(all_of_it())
    yield "digest", took.pop("all"), "s", {"subscriptions": PEOPLE, "matches_each": EACH, **took}


def killed(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:  # noqa: ARG001
    """10,000 mails by SMTP, kill -9 of the sender at seeded moments, 1 % of the replies lost after the final dot.

    Every twentieth person stops after the first kill: no mail to them may be begun after that is answered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance, context = random.Random(SEED), multiprocessing.get_context("spawn")
    with mailbox(folder / "mail", lost=LOST_REPLIES, seed=SEED) as (_, url):
        stopped = asyncio.run(_filled(folder))
        began, after_goodbye, goodbye = time.perf_counter(), set[str](), 0.0
        for kill in range(KILLS + 1):
            worker = context.Process(target=work, args=(str(folder), url))
            worker.start()
            if kill == KILLS:
                worker.join(900)
                break
            _wait_for_mail(folder / "mail", chance.randint(20, 180))
            worker.kill()
            worker.join()
            if not kill:
                asyncio.run(_stop(folder, stopped))
                goodbye = time.time_ns()
        seconds = time.perf_counter() - began
    taken, late = _taken(folder / "mail", goodbye)
    after_goodbye = late & {f"reader{n}@example.org" for n in stopped}
    report = asyncio.run(_audited(folder))
    told = {
        "mails": PEOPLE, "kills": KILLS, "lost_replies": LOST_REPLIES, "seed": SEED, "seconds": round(seconds),
        "taken": taken.total(), "ambiguous_listed": len(report["ambiguous"]), "states": report["mails"],
        "begun_after_goodbye": len(after_goodbye), "wrong": len(report["wrong"]),
    }  # fmt: skip
    yield "mail/killed: duplicates", sum(count - 1 for count in taken.values()), "mails", told


def work(folder: str, url: str) -> None:
    """A sender as the service runs it, until nothing is left to do."""

    async def rounds() -> None:
        store, mail = open_store(f"file:{folder}", "notify"), open_mail(url)
        sender = Sender(store, mail, SETTINGS)
        while await _left(store):
            await ledger.recover(store, mail)
            await gather(store, time.time())
            await sender.send_all()
        await mail.close()
        await store.close()

    asyncio.run(rounds())


async def _left(store: Store) -> int:
    open_states = (MailState.GATHERING, MailState.PENDING, MailState.SENDING, MailState.DEFERRED)
    counts = [await store.count(MAILS, {"state": state}) for state in open_states]
    return sum(counts) + await store.count(MATCHES, {"mail": ledger.UNCLAIMED})


async def fill(store: Store, each: int) -> None:
    """Running subscriptions with matches that are due."""
    subscriptions, matches = {}, {}
    for n in range(PEOPLE):
        made = subscription(f"reader{n}@example.org", "nl", Query(q="lasser"), None, SETTINGS.clock(), "key")
        one = dataclasses.replace(made, id=f"s{n}", state=State.ACTIVE)
        subscriptions[one.id] = one.document()
        for ref in (f"x:{k}" for k in range(each)):
            matches[match_key(one.subscriber, ref, 1)] = {
                "subscription": one.id, "ref": ref, "item": {**ITEM, "ref": ref}, "matched_at": 1.0, "due": 1.0,
            }  # fmt: skip
    await store.put(SUBSCRIPTIONS, subscriptions)
    await ledger.record(store, matches)


async def _filled(folder: Path) -> set[int]:
    store = open_store(f"file:{folder}", "notify")
    await fill(store, 1)
    await store.close()
    return set(range(0, PEOPLE, 20))


async def _stop(folder: Path, people: set[int]) -> None:
    store = open_store(f"file:{folder}", "notify")
    for identity, doc in [each async for each in everything(store, MAILS) if each[1]["state"] == MailState.SENDING]:
        await store.put(MAILS, {identity: {**doc, "until": 0.0, "version": doc["version"] + 1}}, guard=True)
    await ledger.recover(store, open_mail("smtp://127.0.0.1:9"))
    for n in people:
        if one := await subscribing.find(store, f"s{n}"):
            await subscribing.stop(store, one)
    await store.close()


async def _audited(folder: Path) -> dict[str, Any]:
    store = open_store(f"file:{folder}", "notify")
    report = await audit(store)
    await store.close()
    return report


def _wait_for_mail(folder: Path, count: int) -> None:
    """Until so many more have arrived: the sender is then in the midst of its work."""
    target, until = _count(folder) + count, time.monotonic() + 60
    while _count(folder) < target and time.monotonic() < until:
        time.sleep(0.01)


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("[0-9]*.eml")) if folder.exists() else 0


def _taken(folder: Path, goodbye: float) -> tuple[Counter[str], set[str]]:
    """How often each mail was taken, and the addresses of those taken after a moment."""
    taken, late = Counter[str](), set[str]()
    for path in folder.glob("[0-9]*.eml"):
        message = message_from_bytes(path.read_bytes())
        taken[str(message["Message-ID"])] += 1
        if int(path.name.partition("-")[0]) > goodbye:
            late.add(str(message["To"]))
    return taken, late
