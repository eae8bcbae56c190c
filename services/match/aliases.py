"""Learning titles: coded titles are made into the memory of a next pack. The pack they came to is never changed.

A file of aliases is NDJSON, `{"language", "title", "uri", "count"?}` a line.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from pendler.bus import Bus, decode
from pendler.esco.stored import FIRST, Stored, packs
from pendler.service import Reject
from schemas.event import VacancyMatched
from services.match import memory, space

Seen = Counter[tuple[str, str, str]]
KEPT = "aliases.json"
TRUSTED = {"esco-code", "crosswalk-code"}
"""Methods of an occupation that its source's own code tells."""


class BadAlias(ValueError):
    """A line that is no alias; the message says which and why."""


def read(lines: Iterable[str]) -> Seen:
    """How often each (language, title, URI) was seen. BadAlias names the line."""
    seen: Seen = Counter()
    for n, line in enumerate(lines, 1):
        if line.strip():
            try:
                said = json.loads(line)
                seen[said["language"], said["title"], said["uri"]] += int(said.get("count", 1))
            except (ValueError, TypeError, KeyError) as error:
                raise BadAlias(f'line {n}: give {{"language", "title", "uri"}} ({error!r})') from error
    return seen


def learn(seen: Seen, old: Path, home: Path) -> tuple[Path, dict[str, int]]:
    """The next pack, with these aliases beside those of `old`; and counts. Unknown URIs and languages are left out."""
    pack = Stored(old)
    numbers = {uri: n for n, (uri, _) in enumerate(pack.entries())}
    known: Seen = Counter(
        {key: count for key, count in seen.items() if key[2] in numbers and key[0] in pack.about.languages}
    )
    counts = {"learnt": len(known), "left_out": len(seen) - len(known)}
    everything = known + _kept(old)
    number = max([FIRST - 1, pack.number, *(int(path.name) for path in packs(home))]) + 1
    work = home / "esco" / f"{number}.partial"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(old, work, copy_function=_linked, ignore=shutil.ignore_patterns("pack.json", KEPT, "memory"))
    (work / KEPT).write_text(json.dumps([[*key, count] for key, count in sorted(everything.items())]), "utf-8")
    for language in sorted({key[0] for key in everything}):
        own = space.load(work / language, language)
        spoken = {(title, numbers[uri]): n for (one, title, uri), n in everything.items() if one == language}
        (work / language / "memory").mkdir()
        for name, array in memory.remember(spoken, own).items():
            np.save(work / language / "memory" / f"{name}.npy", array)
    sizes = {str(path.relative_to(work)): path.stat().st_size for path in sorted(work.rglob("*")) if path.is_file()}
    (work / "pack.json").write_text(json.dumps({**asdict(pack.about), "number": number, "files": sizes}, indent=1))
    done = home / "esco" / str(number)
    work.rename(done)
    return done, counts


async def harvest(bus: Bus) -> Seen:
    """The titles of open advertisements that came with a trusted code, by what is matched now."""
    newest: dict[str, tuple[str, str, str] | None] = {}
    async for record in bus.scan(VacancyMatched.topic.name):
        if record.value is None:
            newest.pop(record.key, None)
            continue
        with suppress(Reject):
            newest[record.key] = _coded_title(decode(record))
    return Counter(filter(None, newest.values()))


def _coded_title(event: VacancyMatched) -> tuple[str, str, str] | None:
    first = next(iter(event.derived.occupations), None)
    if event.vacancy is None or event.vacancy.demonstration or first is None or first.method not in TRUSTED:
        return None
    language = event.derived.language
    return (language, event.vacancy.title, first.uri) if language and first.isco else None


def _kept(pack: Path) -> Seen:
    path = pack / KEPT
    rows = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return Counter({(language, title, uri): count for language, title, uri, count in rows})


def _linked(source: str, target: str) -> None:
    """The same bytes under another name where the file system can, else a copy: packs are never written again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
