"""Why somebody did not get an advertisement: which parts of their search it fails, and by how much. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import ceil
from urllib.parse import unquote

from pendler.searchable import Searchable, fits, held_terms, searchable
from pendler.speech import Speech
from pendler.wanted import wanted
from schemas.event import VacancyMatched
from schemas.query import Query
from services.notify.digest import main_words
from services.notify.readers import distance, is_news
from services.notify.state import Subscription

ALWAYS = {"lang", "strict"}
COMPANIONS = {"near": {"km", "minutes"}, "q": {"also"}}
"""Parameters that say more of another one, or of all."""
ASIDE = {*ALWAYS, *chain(*COMPANIONS.values()), "sort", "limit", "cursor", "status"}
"""Parameters that are no condition by themselves."""
LINK = re.compile(r"/vacancies/([^/?#\s]+)")
FARTHEST, ROUNDED = {"km": 500, "minutes": 240}, 5


@dataclass(frozen=True)
class Verdict:
    """`fails` are the conditions that are not met, as searches; `far` how far it is, in `unit`s, where too far."""

    conditions: int
    fails: Sequence[Query]
    far: float | None = None
    unit: str = "km"
    is_open: bool = True
    is_news: bool = True

    @property
    def wider(self) -> int | None:
        """A reach that would do, where that is all it takes."""
        reach = None if self.far is None else ROUNDED * ceil(self.far / ROUNDED)
        return reach if reach and reach <= FARTHEST[self.unit] and len(self.fails) == 1 else None


def ref_in(pasted: str) -> str:
    """The ref in the link of an advertisement, or what was pasted, taken as one."""
    found = LINK.search(pasted)
    return unquote(found.group(1)) if found else pasted.strip()


def verdict(one: Subscription, event: VacancyMatched) -> Verdict:
    """Each condition is tried by itself, so every filter that a search may have counts, whatever it is."""
    found, given = searchable(event), one.query.pairs()
    names = [name for name in dict(given) if name not in ASIDE]
    alone = {
        name: Query.parse([pair for pair in given if pair[0] in {name, *ALWAYS, *COMPANIONS.get(name, ())}])
        for name in names
    }
    fails = [query for name, query in alone.items() if event.is_open and not _fits(one, name, query, found)]
    too_far = any(query.near for query in fails)
    unit = "minutes" if one.query.minutes else "km"
    far = distance(one.origin, found.points)[unit] if too_far else None
    return Verdict(len(names), fails, far, unit, event.is_open, is_news(one, event))


def _fits(one: Subscription, name: str, query: Query, found: Searchable) -> bool:
    return fits(wanted(query, one.origin if name == "near" else None), found, held_terms(found))


def told(found: Verdict, spoken: Speech) -> list[str]:
    """The verdict in words."""
    _ = spoken.gettext
    if not found.is_open:
        return [_("It is no longer open.")]
    if found.fails:
        num = len(found.fails)
        return [
            _("It fails %(num)s of %(all)s:") % {"num": num, "all": found.conditions},
            *(_condition(each, found, spoken) for each in found.fails),
        ]
    if not found.is_news:
        return [_("It fits, but it was published before you asked for mails, or came with a source's first delivery.")]
    return [_("It fits. If it is not in a mail yet, it comes with the next one.")]


def _condition(query: Query, found: Verdict, spoken: Speech) -> str:
    if query.near and found.far is not None:
        far = {"far": spoken.number(ceil(found.far)), "asked": query.minutes or query.km, "place": query.near}
        if query.minutes:
            return spoken.gettext("%(far)s minutes from %(place)s, you asked %(asked)s") % far
        return spoken.gettext("%(far)s km from %(place)s, you asked %(asked)s") % far
    return main_words(query, spoken) or ", ".join(
        f"{name} {value}" for name, value in query.pairs() if name not in ASIDE
    )
