"""How Pendler uses SQLite: durable, patient with other writers, one transaction at a time."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from pendler.service import Misconfigured, Unavailable

PATIENCE = 10.0
ROWS = 500


def connect(path: Path, schema: str = "") -> sqlite3.Connection:
    """A connection in WAL mode, synced to disk at each commit; creates the file and `schema` where absent.

    Raises:
        Misconfigured: it cannot be created or opened.
        Unavailable: others have not let go of it for `PATIENCE` seconds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.executescript(schema)
    except (OSError, sqlite3.OperationalError) as error:
        if _busy(error):
            raise Unavailable(f"{path}: {error}") from error
        raise Misconfigured(f"{path} cannot be used: {error}. See that its folder is there and writable") from error
    return connection


def _busy(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Sets WAL mode. SQLite is not patient here: of two that set it at once, one is told at once that it is locked."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; takes the write lock at once, so that two writers never deadlock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def writable(connection: sqlite3.Connection) -> None:
    """Takes the write lock and gives it back: an `OperationalError` where the disk is full or read-only."""
    with transaction(connection):
        connection.execute("PRAGMA user_version = 1")


def select(connection: sqlite3.Connection, columns: Sequence[str], rest: str, values: Sequence[Any]) -> list[list[Any]]:
    """The rows of `SELECT columns rest`, as lists; columns are texts and numbers.

    SQLite lets go of the interpreter at every row, and where other threads are busy it waits for each its turn
    again, 5 ms long. So a whole answer comes as one row, a JSON array.
    """
    named = ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns))
    packed = ", ".join(f"c{n}" for n in range(len(columns)))
    statement = f"SELECT json_group_array(json_array({packed})) FROM (SELECT {named} {rest})"
    found: list[list[Any]] = orjson.loads(connection.execute(statement, values).fetchone()[0])
    return found


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
    """Inserts rows, many with one statement, for the same reason; within a transaction of the caller's."""
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        marks = ",".join([f"({','.join('?' * len(some[0]))})"] * len(some))
        connection.execute(f"INSERT INTO {into} VALUES {marks} {conflict}", [value for row in some for value in row])
