"""What ingest would make of a file, without keeping anything: for `pendler normalise` and `pendler feed try`."""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from schemas.event import Outcome, Reason
from schemas.vacancy import Status
from services.ingest.feed import Feed, Flaw, Item
from services.ingest.service import reading


def normalised(file: str, feed: Feed, now: datetime) -> Iterator[dict[str, Any]]:
    """What ingest makes of each record of a file; a file that cannot be cut is one line with record 0."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        items = list(feed.split(raw))
    except Flaw as flaw:
        yield _line(file, 0, None, Outcome.REJECTED, flaw.reason)
    except OSError as error:
        yield _line(file, 0, None, Outcome.REJECTED, Reason(rule="no-such-file", value=file[:80], hint=str(error)))
    else:
        for n, item in enumerate(items, 1):
            yield _read(file, n, item, feed, now)


def _read(file: str, n: int, item: Item, feed: Feed, now: datetime) -> dict[str, Any]:
    read = item.flaw or reading(feed, item.body, now)
    if isinstance(read, Reason):
        return _line(file, n, item.external_id, Outcome.REJECTED, read)
    outcome = Outcome.PUBLISHED if read.status is Status.ACTIVE else Outcome.CLOSED
    warning = next(iter(read.warnings), None)
    return _line(file, n, read.vacancy.origin.external_id, outcome, warning, read.vacancy.model_dump(mode="json"))


def _line(
    file: str, n: int, identity: str | None, outcome: Outcome, reason: Reason | None, vacancy: Any = None
) -> dict[str, Any]:
    told = reason.model_dump(mode="json") if reason else None
    return {"file": file, "record": n, "id": identity, "outcome": outcome, "reason": told, "vacancy": vacancy}
