"""From ESCO files to a pack: names, one space a language, then the rankers. Each step is kept; a second run resumes.

The work is done in `esco/DIGEST.partial`, which gets its number, and its `pack.json`, when all is there.
"""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from pendler.esco.stored import ATTRIBUTION, FIRST, FORMAT, SCHEMA, About, packs
from pendler.sqlite import connect
from services.match import ranker, skills, space
from services.match.candidates import KEPT, candidates
from services.match.esco_files import Coded, EscoFiles, NotEsco
from services.match.vectors import Floats

Tell = Callable[[str], None]
BATCH = 100
ENOUGH = 500
"""Coded titles from which a language takes part in learning the rankers."""
AT_MOST = 3.0
"""What one country's crosswalk can add to the prior of an entry: codes that are split finely count no more."""


def import_esco(files: EscoFiles, home: Path, tell: Tell, languages: Sequence[str] = ()) -> Path:
    """Makes a pack of these files; its folder. Raises NotEsco where a language or a file is missing."""
    wanted = sorted({*(languages or files.languages()), "en"})
    if missing := set(wanted) - set(files.languages()):
        raise NotEsco(f"{files.folder} has no labels in {', '.join(sorted(missing))}")
    work = home / "esco" / f"{files.digest()}-{'-'.join(wanted)}.partial"
    work.mkdir(parents=True, exist_ok=True)
    entries = files.occupations()
    _once(work / "names.db", lambda path: _names(path, files, entries, wanted), tell, "names, crosswalks, skills")
    english = files.labels("en")
    for n, language in enumerate(wanted, 1):
        step = f"{language} ({n} of {len(wanted)})"
        _once(work / language, partial(_space, files=files, entries=entries, english=english), tell, step)
        if named := files.skills(language):
            made = partial(_skills, files=files, named=named, numbers=files.skill_numbers())
            _once(work / f"skills-{language}", made, tell, f"skills in {language}")
    _once(work / "rankers", lambda path: _rankers(path, work, files, entries, tell), tell, "rankers")
    return _finish(work, home, files, wanted, tell)


def _once(path: Path, make: Callable[[Path], None], tell: Tell, step: str) -> None:
    """Makes a file or folder in one step; what is there already is kept."""
    if path.exists():
        tell(f"{step}: kept from before")
        return
    part = path.with_name(f"{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.unlink(missing_ok=True)
    make(part)
    part.rename(path)
    tell(f"{step}: done")


def _names(path: Path, files: EscoFiles, entries: Mapping[str, str], languages: Sequence[str]) -> None:
    with closing(connect(path, SCHEMA)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("BEGIN")
        db.executemany("INSERT INTO entry VALUES (?,?,?)", ((n, *one) for n, one in enumerate(entries.items())))
        db.executemany("INSERT INTO skill VALUES (?,?)", ((n, uri) for uri, n in files.skill_numbers().items()))
        for language in languages:
            for named in (files.labels(language), files.skills(language)):
                db.executemany("INSERT INTO label VALUES (?,?,?,?)", _label_rows(named, language))
        db.executemany(
            "INSERT OR REPLACE INTO crosswalk VALUES (?,?,?,?)",
            ((one.code, one.country, one.uri, one.sure) for one in files.coded()),
        )
        db.executemany("INSERT OR REPLACE INTO skill_of VALUES (?,?,?)", files.skills_of())
        db.execute("COMMIT")
        db.execute("VACUUM")


def _label_rows(named: Mapping[str, Sequence[str]], language: str) -> Iterator[tuple[str, str, int, str]]:
    return ((uri, language, n, text) for uri, labels in named.items() for n, text in enumerate(dict.fromkeys(labels)))


def _space(path: Path, files: EscoFiles, entries: Mapping[str, str], english: Mapping[str, list[str]]) -> None:
    language = path.stem
    own = files.labels(language)
    given = space.labelled([own.get(uri) or english.get(uri, []) for uri in entries])
    space.save(path, space.build(language, given, list(entries.values())))


def _skills(path: Path, files: EscoFiles, named: Mapping[str, list[str]], numbers: Mapping[str, int]) -> None:
    needed = Counter(skill for _, skill, _ in files.skills_of())
    labels = [named.get(uri, []) for uri in numbers]
    space.save(path, skills.build(path.stem.removeprefix("skills-"), labels, [needed[uri] for uri in numbers]))


def _rankers(path: Path, work: Path, files: EscoFiles, entries: Mapping[str, str], tell: Tell) -> None:
    """The rankers of all folds; with too few crosswalks that have titles, none: then the first score decides."""
    path.mkdir(parents=True)
    coded = [one for one in files.coded() if one.sure and one.uri in entries]
    titled = {
        language: lesson
        for language, lesson in _titled(coded, {uri: n for n, uri in enumerate(entries)}).items()
        if len(lesson) >= ENOUGH and (work / language).is_dir()
    }
    folds = ranker.fold_of(list(titled))
    made: dict[str, ranker.Ranker] = {}
    heat: list[float] = []
    if len(set(folds.values())) == ranker.FOLDS:
        priors = [_prior(coded, entries, folds, fold) for fold in range(ranker.FOLDS)]
        lessons = {one: _lesson(work, one, titled[one], priors[folds[one]]) for one in titled}
        made, heat = _learnt(lessons, folds, tell)
        for fold, prior in enumerate(priors):
            np.save(path / f"prior-{fold}.npy", prior)
    for name, one in made.items():
        one.write(path / f"{name}.txt")
    (path / "about.json").write_text(json.dumps({"folds": folds if made else {}, "heat": heat}))


def _titled(coded: Sequence[Coded], numbers: Mapping[str, int]) -> dict[str, dict[str, set[int]]]:
    """Language -> national title -> the entries it is, or is a kind of."""
    found: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for one in coded:
        if one.title:
            found[one.language][one.title].add(numbers[one.uri])
    return found


def _prior(coded: Sequence[Coded], entries: Mapping[str, str], folds: Mapping[str, int], fold: int) -> Floats:
    """How often each entry is meant in the crosswalks of languages outside a fold: ln(1 + weight)."""
    targets: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in coded:
        if folds.get(one.language) != fold and (one.country, one.language) != ("bel", "fr"):
            targets[one.country, one.code].add(one.uri)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for (country, _), uris in targets.items():
        counted[country].update(dict.fromkeys(uris, 1 / len(uris)))
    sums = [sum(min(counted[country][uri], AT_MOST) for country in counted) for uri in entries]
    return np.log1p(np.array(sums, np.float32))


def _lesson(work: Path, language: str, titles: Mapping[str, set[int]], prior: Floats) -> ranker.Lesson:
    own, english = space.load(work / language, language), space.load(work / "en", "en")
    drawn = np.random.default_rng(0).permutation(sorted(titles))[: 2 * ranker.MOST].tolist()
    parts = [drawn[start : start + BATCH] for start in range(0, len(drawn), BATCH)]
    found = [candidates(part, own, own if language == "en" else english, prior, KEPT) for part in parts]
    entries = np.concatenate([one.entries for one in found])
    features = np.concatenate([one.features for one in found if one.features is not None])
    return ranker.Lesson(features, ranker.right_ones(entries, [titles[title] for title in drawn]))


def _learnt(
    lessons: ranker.Lessons, folds: Mapping[str, int], tell: Tell
) -> tuple[dict[str, ranker.Ranker], list[float]]:
    """A ranker for each fold, learnt from all others; its heat from what the other folds' rankers did unseen."""
    made, unseen = {}, {}
    for fold in range(ranker.FOLDS):
        one = ranker.learn([lesson for language, lesson in lessons.items() if folds[language] != fold])
        made[f"ranker-{fold}"] = one
        for language in (language for language in lessons if folds[language] == fold):
            unseen[language] = (one.scores(lessons[language].features), lessons[language].right)
        tell(f"ranker {fold + 1} of {ranker.FOLDS}")
    heat = [
        ranker.heat_of([pair for language, pair in unseen.items() if folds[language] != fold])
        for fold in range(ranker.FOLDS)
    ]
    return made, heat


def _finish(work: Path, home: Path, files: EscoFiles, languages: Sequence[str], tell: Tell) -> Path:
    learnt = json.loads((work / "rankers" / "about.json").read_text("utf-8"))
    number = max([FIRST - 1, *(int(path.name) for path in packs(home))]) + 1
    with closing(connect(work / "names.db")) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608
    sizes = {str(path.relative_to(work)): path.stat().st_size for path in sorted(work.rglob("*")) if path.is_file()}
    about = About(
        number=number,
        format=FORMAT,
        esco="compact" if files.compact else "official download",
        source=files.digest(),
        attribution=ATTRIBUTION,
        languages=languages,
        counts=counts,
        folds=learnt["folds"],
        heat=learnt["heat"],
        files={name: size for name, size in sizes.items() if name != "pack.json"},
    )
    (work / "pack.json").write_text(json.dumps(asdict(about), indent=1))
    done = home / "esco" / str(number)
    work.rename(done)
    tell(f"pack {number}: {done}")
    return done


TABLES = ("entry", "skill", "label", "crosswalk", "skill_of")
