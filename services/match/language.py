"""In which language an advertisement is written: its tag, else what its words say where it comes from, else nothing.

Luxembourgish, which the detector does not know, is told by words that only it has; Nynorsk counts as Norwegian, `nb`.
"""

import re
from collections import Counter

import eldc

from pendler.place_names import SPOKEN
from schemas.vacancy import Profile
from services.match.tables import column

ENOUGH, WHOLE = 1000, 10_000
"""Letters that are looked at for the language of a text, and for all its languages."""
AT_HOME = 0.15
"""What is added to the score (0 to 1) of the languages of the country."""
SURE_OF_ITSELF = 120
"""Letters from which a text needs no country to be understood."""
PART, SHARE = 60, 0.25
"""Letters of a paragraph that is looked at by itself, and the share of a text that makes it one of its languages."""
KNOWN = "bg,cs,da,de,el,en,es,et,fi,fr,hr,hu,it,lt,lv,nl,no,pl,pt,ro,sk,sl,sv"
NAMES = {"no": "nb", "und": None}
WORD = re.compile(r"[^\W\d_]+")
LIKE_LUXEMBOURGISH = ("de", "nl", "und", "fr", "no", "da", "sv", "et", "fi")
LUXEMBOURGISH = frozenset(column("luxembourgish"))
AT_LEAST, ONE_IN = 2, 12
"""Different words of Luxembourgish, and how many words of a text there is one of them among."""

eldc.init()
eldc.set_languages(KNOWN)
eldc.set_scores(20)
HOME = {
    land: tuple("no" if code == "nb" else code for code, lands in SPOKEN.items() if land in lands)
    for land in {land for lands in SPOKEN.values() for land in lands}
}


def language_of(profile: Profile, country: str | None = None) -> str | None:
    """The ISO 639-1 code of a profile's language; Norwegian is `nb`. None where nothing is sure."""
    return profile.language or detect(f"{profile.title}\n{profile.text[:ENOUGH]}", country)


def detect(text: str, country: str | None = None) -> str | None:
    """The language of a text, one of 24; a short one is taken for one of its country's where that is likely."""
    found = eldc.detect_details(text)
    best = str(found.language)
    if best in LIKE_LUXEMBOURGISH and _luxembourgish(text):
        return "lb"
    if country and len(text) < SURE_OF_ITSELF and best != "und":
        home = HOME.get(country, ())
        best = max(dict(found.scores).items(), key=lambda one: one[1] + AT_HOME * (one[0] in home))[0]
    return NAMES.get(best, best)


def written_in(profile: Profile, language: str | None) -> tuple[str, ...]:
    """All languages of a text, its own first: an advertisement may say everything twice."""
    parts = [part for part in profile.text[:WHOLE].split("\n") if len(part) >= PART]
    if language and len(parts) <= 1:
        return (language,)
    letters: Counter[str] = Counter()
    for part in parts:
        letters[detect(part) or ""] += len(part)
    often = [one for one, count in letters.most_common() if one and count >= SHARE * letters.total()]
    return tuple(dict.fromkeys([*([language] if language else []), *often]))


def _luxembourgish(text: str) -> bool:
    lower = text.lower()
    if LUXEMBOURGISH.isdisjoint(lower.split()):  # most texts are done with here, in a third of the time
        return False
    words = WORD.findall(lower)
    met = LUXEMBOURGISH.intersection(words)
    return len(met) >= AT_LEAST and sum(word in met for word in words) * ONE_IN >= len(words)
