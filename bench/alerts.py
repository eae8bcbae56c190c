"""How soon a person is told: from the 202 for a record until the relay has the mail, where nothing is gathered."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.exchange import Exchange, as_supervised, running, wait_for
from bench.mailbox import mailbox
from bench.oracle import messages, subscribe
from bench.pipeline import percentile
from bench.records import delivery, records

ALERTS, A_SECOND = 200, 10
LINK = re.compile(r"/vacancies/(se:\S+)\?")
Row = tuple[str, float, str, dict[str, Any]]


def alert(folder: Path, places: Path) -> Iterator[Row]:
    """One person who wants every vacancy at once; what comes while a match lies goes into one mail with it.

    Faster, and a mail would name only the first twenty of its vacancies.
    """
    home = folder / "home"
    with mailbox(home / "mail") as (_, url), running(home, places, as_supervised(), PENDLER_MAIL=url) as exchange:
        key = exchange.key("se")
        exchange.push("se", "se_jobtech", key, delivery(20, prefix="warm"), Prefer="wait=30")
        subscribe(exchange, source="se")
        accepted = dict[str, float]()
        for n in range(ALERTS):
            [body] = records(1, seed=n, prefix=f"{n}-")
            exchange.push("se", "se_jobtech", key, body)
            accepted[f"se:{n}-0"] = time.time()
            time.sleep(1 / A_SECOND)
        wait_for(lambda: accepted.keys() <= taken(exchange).keys(), 60, "every vacancy to be mailed")
        told = taken(exchange)
    waits = [told[ref] - at for ref, at in accepted.items()]
    conditions = {"records": ALERTS, "records/s": A_SECOND, "mails": len(set(told.values()))}
    for name, rank in (("p95", 95), ("median", 50)):
        yield f"accepted to handed to SMTP at once, {name}", percentile(waits, rank), "s", conditions


def taken(exchange: Exchange) -> dict[str, float]:
    """When the relay took the first mail that tells of a vacancy, by ref."""
    found = dict[str, float]()
    for name, mail in messages(exchange).items():
        for ref in LINK.findall(mail.get_body(("plain",)).get_content()):
            found.setdefault(ref, int(name.partition("-")[0]) / 1e9)
    return found
