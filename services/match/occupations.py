"""Title and codes -> ESCO occupations, each with method, score and evidence. Pure; best first.

A code that the source gives and that names a concept is believed. An ISCO code narrows: a title within its group
names the concept, else the answer is the group. A title alone is looked up whole, then by its longest part that is
the title of an occupation, then by the occupation a compound ends in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pendler.esco import PREFIX, Names, Pack, isco_uri, normal
from schemas.vacancy import Occupation, OccupationCode
from services.match.titles import variants

MOST = 20
NOISE = re.compile(
    r"\([^()]{0,60}\)|\[[^\[\]]{0,60}\]|\b\d{1,3}\s?%|\b(?:m/w/d|w/m/d|m/v/x|m/f/x|m/v|h/f|f/h|m/w|v/m|m/k)\b",
    re.IGNORECASE,
)
CROSSWALKS = {
    "JOBTECH": "swe",
    "STYRK-08": "nor",
    "KLDB-2010": "deu",
    "KLDB2010": "deu",
    "ROME": "fra",
    "ROME-APPELLATION": "fra",
    "CZ-ISCO": "cze",
    "CO-SISPE": "esp",
    "BRC": "nld",
    "O*NET": "usa",
}
"""Scheme of a code -> country of the crosswalk that explains it."""
EXACT, PART, TAIL = 0.97, 0.85, 0.72
"""Scores: the whole title, a part of it, the end of a compound."""
ELSEWHERE, ONLY_PART_ELSEWHERE, INFLECTED, CONTRADICTED = 0.9, 0.3, 0.95, 0.3
"""Factors: a title of another language, a part that is one (`arts` is a doctor in Dutch), another form."""

BRANCH = "likeness-branch"
"""The method of an answer that comes last, however sure: it tells less than the others."""


def classify(
    titles: Sequence[tuple[str | None, str]], codes: Sequence[OccupationCode], pack: Pack, limit: int = MOST
) -> list[Occupation]:
    """The occupations of an advertisement with `titles` (language, title) and the codes its source gave."""
    return settled(titled(titles, pack), codes, pack)[:limit]


def titled(titles: Sequence[tuple[str | None, str]], pack: Pack) -> Iterator[Occupation]:
    """What the titles (language, title) are called in our lexicon."""
    for language, title in titles:
        yield from _by_title(title, language, pack)


def settled(found: Iterable[Occupation], codes: Sequence[OccupationCode], names: Names) -> list[Occupation]:
    """What titles tell, weighed by the codes of the source; best first.

    A code that names one concept is believed; several targets, or an ISCO group, say among what to look.
    """
    groups = {uri.rpartition("/C")[2] for uri in _groups(codes)}
    meant = _crosswalked(codes, names)
    trusted = [*_by_code(codes, names), *_of_crosswalk(meant, names)]
    weighed = [_weighed(one, groups, meant) for one in found]
    return _best([*trusted, *weighed, *(_group(isco) for isco in groups)])


def _by_code(codes: Sequence[OccupationCode], names: Names) -> Iterator[Occupation]:
    for code in codes:
        if code.scheme == "ESCO" and code.code.startswith(f"{PREFIX}occupation/"):
            yield _coded(code.code, names, 1.0, "esco-code", "the source's ESCO code")


def _coded(uri: str, names: Names, score: float, method: str, evidence: str) -> Occupation:
    isco = names.isco(uri) or ""
    return Occupation(uri=uri, isco=isco, label=names.label(uri), score=score, method=method, evidence=evidence)


def _crosswalked(codes: Sequence[OccupationCode], names: Names) -> dict[str, tuple[bool, str]]:
    """What national codes stand for: URI -> whether it is that or a kind of it, and the code."""
    return {
        uri: (sure, f"{code.scheme} {code.code}")
        for code in codes
        if (country := CROSSWALKS.get(code.scheme.upper()))
        for uri, sure in names.meant_by(code.code, country)
        if names.isco(uri)
    }


def _of_crosswalk(meant: Mapping[str, tuple[bool, str]], names: Names) -> Iterator[Occupation]:
    sure = [(uri, code) for uri, (is_sure, code) in meant.items() if is_sure]
    for uri, code in sure if len(sure) == 1 else ():
        yield _coded(uri, names, 0.98, "crosswalk-code", f"{code}, in the national crosswalk")


def _groups(codes: Sequence[OccupationCode]) -> Iterator[str]:
    for code in codes:
        if code.scheme == "ISCO-08" and re.fullmatch(r"[0-9]{1,4}", code.code):
            yield isco_uri(code.code)
        elif code.scheme == "ESCO" and re.fullmatch(rf"{PREFIX}isco/[Cc][0-9]{{1,4}}", code.code):
            yield isco_uri(code.code.rpartition("/")[2][1:])


def _group(isco: str) -> Occupation:
    return Occupation(
        uri=isco_uri(isco),
        isco=isco,
        label=f"ISCO {isco}",
        score=0.8,
        method="isco-code",
        evidence=f"the source's ISCO code {isco}",
    )


def _weighed(one: Occupation, groups: set[str], meant: Mapping[str, tuple[bool, str]]) -> Occupation:
    """A title that agrees with the source's code is nearly sure; one that contradicts it is doubtful."""
    if one.uri in meant:
        return one.model_copy(update={"score": max(one.score, 0.9), "method": f"{one.method}+crosswalk"})
    if any(one.isco.startswith(group) for group in groups):
        return one.model_copy(update={"score": max(one.score, 0.9), "method": f"{one.method}+isco-code"})
    return one.model_copy(update={"score": one.score * CONTRADICTED}) if groups or meant else one


def _by_title(title: str, language: str | None, pack: Pack) -> Iterator[Occupation]:
    for part, score, method in _spans(title, language, pack):
        if pack.knows(part, language):
            yield from _called(part, score, method, language, pack)


def _spans(title: str, language: str | None, pack: Pack) -> Iterator[tuple[str, float, str]]:
    """What in a title may be an occupation, how sure that would be, and how it was found."""
    yield from ((form, EXACT, "title") for form in variants(title))
    for n, shape in enumerate(_shapes(title)):
        whole = normal(shape)
        yield (whole, PART + 0.05, "title-part") if n else (whole, EXACT, "title")
        tokens = whole.split()
        yield from ((part, PART + 0.02 * part.count(" "), "title-part") for part in _parts(tokens, language, pack))
        yield from ((tail, TAIL, "compound") for tail in _tails(tokens))


def _shapes(title: str) -> list[str]:
    """The title without noise, and, where it names both sexes, one side of the slash after the other."""
    plain = NOISE.sub(" ", title)
    sides = [side for side in re.split(r"\s*[/|,–]\s*|\s+-\s+", plain) if side.strip()]
    return [plain, *sides] if len(sides) > 1 else [plain]


def _parts(tokens: Sequence[str], language: str | None, pack: Pack) -> Iterator[str]:
    """Every run of words that titles have, longest first, but the whole."""
    run, runs = 0, []
    for token in tokens:
        run = run + 1 if pack.has(token, language) else 0
        runs.append(run)
    for size in range(min(max(runs, default=0), pack.longest, len(tokens) - 1), 0, -1):
        yield from (" ".join(tokens[end - size : end]) for end, run in enumerate(runs, 1) if run >= size)


def _tails(tokens: Sequence[str]) -> Iterator[str]:
    return (token[start:] for token in tokens for start in range(3, len(token) - 4))


def _called(title: str, score: float, method: str, language: str | None, pack: Pack) -> Iterator[Occupation]:
    exact = pack.titled(title)
    inflected = {} if language in exact else pack.inflected(title, language)
    for spoken, uri in {**exact, **inflected}.items():
        concept = pack.concept(uri)
        if concept:
            sure = score * _factor(score, language, spoken) * (INFLECTED if spoken in inflected else 1)
            evidence = f"“{title}”, a title in {spoken}"
            yield Occupation(
                uri=uri,
                isco=concept.isco,
                label=concept.label(),
                score=sure,
                method=method,
                evidence=evidence,
            )


def _factor(score: float, language: str | None, spoken: str) -> float:
    if language in (None, spoken):
        return 1.0
    return ELSEWHERE if score == EXACT else ONLY_PART_ELSEWHERE


def _best(found: Iterable[Occupation]) -> list[Occupation]:
    best: dict[str, Occupation] = {}
    for one in found:
        if one.uri not in best or best[one.uri].score < one.score:
            best[one.uri] = one
    return sorted(best.values(), key=lambda one: (one.method == BRANCH, -one.score, one.uri))
