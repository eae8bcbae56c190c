"""A consumer of the change feed, to use and to learn from: it keeps a SQLite file equal to what the exchange shows.

Kill it whenever you like: vacancies and cursor change in one transaction, and it goes on from where it was.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import orjson

from pendler.sqlite import connect, transaction

TABLES = """
CREATE TABLE IF NOT EXISTS vacancies (ref TEXT PRIMARY KEY, version INTEGER NOT NULL, told TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT NOT NULL);
"""
GONE = 410


class Follower:
    """Follows one exchange into one file, with the same filters each time."""

    def __init__(self, url: str, out: Path, filters: Mapping[str, list[str]]) -> None:
        self._url, self._filters, self._kept = url, filters, connect(out, TABLES)

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def follow(self) -> int:
        """Reads what has changed, to the end; how many lines it was.

        Raises:
            httpx2.HTTPError: the exchange is away, or the answer was cut off. Nothing is lost: follow again.
        """
        lines, more = 0, True
        while more:
            asked = {**self._filters, **self._place()}
            with httpx2.stream("GET", f"{self._url}/v1/changes", params=asked, timeout=120, trust_env=False) as answer:
                if answer.status_code == GONE:
                    self._begin_again()
                    continue
                answer.raise_for_status()
                for waiting in _up_to_each_cursor(answer):
                    with transaction(self._kept):
                        more = self._apply(waiting)
                    lines += len(waiting) - 1
        return lines

    def count(self) -> int:
        """How many vacancies the file holds."""
        return int(self._kept.execute("SELECT count(*) FROM vacancies").fetchone()[0])

    def _apply(self, waiting: list[dict[str, Any]]) -> bool:
        """Changes and the cursor after them, all or nothing; whether more is there."""
        *changes, last = waiting
        for change in changes:
            if "vacancy" in change:
                row = (change["ref"], change["version"], orjson.dumps(change).decode())
                self._kept.execute("REPLACE INTO vacancies VALUES (?, ?, ?)", row)
            else:
                self._kept.execute("DELETE FROM vacancies WHERE ref = ?", (change["ref"],))
        self._kept.execute("REPLACE INTO place VALUES (1, ?)", (last["cursor"],))
        return bool(last.get("more", True))

    def _place(self) -> dict[str, str]:
        found = self._kept.execute("SELECT cursor FROM place").fetchone()
        return {"cursor": str(found[0])} if found else {}

    def _begin_again(self) -> None:
        with transaction(self._kept):
            self._kept.execute("DELETE FROM vacancies")
            self._kept.execute("DELETE FROM place")


def _up_to_each_cursor(answer: httpx2.Response) -> Iterator[list[dict[str, Any]]]:
    waiting: list[dict[str, Any]] = []
    for text in answer.iter_lines():
        waiting.append(orjson.loads(text))
        if "cursor" in waiting[-1]:
            yield waiting
            waiting = []
