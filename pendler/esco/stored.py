"""An ESCO pack on disk: names and codes of occupations and skills, read where they lie.

A pack is a folder `PENDLER_HOME/esco/NUMBER`; `pack.json` is written last and lists every file with its size.
This service uses the ESCO classification of the European Commission.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from pendler.esco import Pack, lexicon
from pendler.settings import Settings

FORMAT = 1
FIRST = 100
"""The number of the first imported pack; those below are our own lexicon's."""
ATTRIBUTION = "This service uses the ESCO classification of the European Commission."
SCHEMA = """
CREATE TABLE entry (n INTEGER PRIMARY KEY, uri TEXT UNIQUE, isco TEXT);
CREATE TABLE skill (n INTEGER PRIMARY KEY, uri TEXT UNIQUE);
CREATE TABLE label (uri TEXT, language TEXT, n INTEGER, text TEXT, PRIMARY KEY (uri, language, n)) WITHOUT ROWID;
CREATE TABLE crosswalk (code TEXT, country TEXT, uri TEXT, sure INT, PRIMARY KEY (code, country, uri)) WITHOUT ROWID;
CREATE TABLE skill_of (occupation TEXT, skill TEXT, essential INTEGER, PRIMARY KEY (occupation, skill)) WITHOUT ROWID;
"""


class BadPack(ValueError):
    """A folder that is no whole pack of this version; the message says what to do."""


@dataclass(frozen=True)
class About:
    """What `pack.json` says. `folds`: language -> which ranker; `heat`: of each ranker; `files`: name -> bytes."""

    number: int
    format: int
    esco: str
    source: str
    attribution: str
    languages: Sequence[str]
    counts: dict[str, int]
    folds: dict[str, int]
    heat: Sequence[float]
    files: dict[str, int]


class Stored:
    """The names of one pack. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.about = folder, checked(folder)
        self.number = self.about.number
        address = f"{(folder / 'names.db').absolute().as_uri()}?mode=ro&immutable=1"
        self._db, self._lock = sqlite3.connect(address, uri=True, check_same_thread=False), Lock()
        self._labels = lru_cache(50_000)(self._label)

    def entries(self) -> list[tuple[str, str]]:
        """All occupations and ISCO unit groups in the order of their numbers: (URI, ISCO)."""
        return [(uri, isco) for uri, isco in self._all("SELECT uri, isco FROM entry ORDER BY n")]

    def skills(self) -> list[str]:
        """The URIs of all skills in the order of their numbers."""
        return [uri for (uri,) in self._all("SELECT uri FROM skill ORDER BY n")]

    def isco(self, uri: str) -> str | None:
        """The ISCO-08 unit group of an occupation; None for what the pack has not, or no longer."""
        found = self._all("SELECT isco FROM entry WHERE uri = ?", uri)
        return str(found[0][0]) if found else None

    def label(self, uri: str, language: str | None = None) -> str:
        """A name for an occupation, a group or a skill: in the language, else in English, else its code."""
        return self._labels(uri, language or "en")

    def meant_by(self, code: str, country: str) -> list[tuple[str, bool]]:
        """What a national code stands for in its country's crosswalk: URIs, and whether it is that or a kind of it."""
        asked = "SELECT uri, sure FROM crosswalk WHERE code = ? AND country = ?"
        return [(uri, bool(sure)) for uri, sure in self._all(asked, code, country)]

    def skills_of(self, occupation: str) -> list[tuple[str, bool]]:
        """The skills an occupation needs, and whether each is essential."""
        asked = "SELECT skill, essential FROM skill_of WHERE occupation = ?"
        return [(uri, bool(essential)) for uri, essential in self._all(asked, occupation)]

    def skill_labels(self, language: str) -> list[tuple[str, str]]:
        """Every label of every skill in a language, the preferred ones first: (URI, label)."""
        asked = "SELECT uri, text FROM label JOIN skill USING (uri) WHERE language = ? ORDER BY label.n, skill.n"
        return [(str(uri), str(text)) for uri, text in self._all(asked, language)]

    def _label(self, uri: str, language: str) -> str:
        asked = "SELECT text FROM label WHERE uri = ? AND n = 0 AND language IN (?, 'en') ORDER BY language = 'en'"
        found = self._all(asked + (" DESC" if language == "en" else ""), uri, language)
        return str(found[0][0]) if found else uri.rpartition("/")[2]

    def _all(self, asked: str, *values: str) -> list[Any]:
        with self._lock:
            return self._db.execute(asked, values).fetchall()


def checked(folder: Path) -> About:
    """What the pack says of itself. BadPack where it is not whole, or of a newer version."""
    again = "run `pendler esco import DIR` again"
    try:
        said = json.loads((folder / "pack.json").read_text("utf-8"))
        if said["format"] != FORMAT:
            newer = "update Pendler" if said["format"] > FORMAT else again
            raise BadPack(f"{folder}: a pack of format {said['format']}, this version reads {FORMAT}; {newer}")
        about = About(**said)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadPack(f"{folder} is no ESCO pack, or its import was cut short (no pack.json); {again}") from error
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise BadPack(f"{folder / 'pack.json'} is damaged; {again}") from error
    for name, size in about.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise BadPack(f"{path} is cut short or missing; {again}")
    return about


def packs(home: Path) -> list[Path]:
    """The finished packs under a home, the newest last."""
    folders = [path for path in (home / "esco").glob("*") if path.name.isdigit() and (path / "pack.json").is_file()]
    return sorted(folders, key=lambda path: int(path.name))


@cache
def current(home: Path) -> "Stored | Pack":
    """The newest pack under a home, else our own lexicon. A process keeps the one that it began with."""
    found = packs(home)
    return Stored(found[-1]) if found else lexicon()


def label(uri: str, language: str | None = None) -> str:
    """A name for an occupation, a group or a skill, by the pack that this process uses."""
    return current(_home()).label(uri, language)


@cache
def _home() -> Path:
    return Settings().home
