"""Which of many subscriptions does a vacancy fit? An inverted index over the subscriptions, not a loop.

What is wanted becomes clauses, each met by any of some facts: words, codes, places. A subscription stands under the
facts of its rarest clause and, beneath, under the places it asks for; the other clauses are compared. A subscription
that asks for something that is no clause here has the last word of `fits`, and so has a vacancy that is not open.
Subscriptions that want the same stand there once.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import fields

from pendler.searchable import Searchable, fits, held_terms
from pendler.wanted import Wanted
from schemas.query import Shown
from schemas.vacancy import Status
from services.notify.circles import Circle, Place, circle, places_of, places_within, reaches

Clause = frozenset[str]
Entry = tuple[tuple[Clause, ...], Circle | None, "Group"]
KNOWN = {"words", "countries", "nuts", "occupations", "sources", "origin", "km", "shown"}
"""What of a `Wanted` is a clause or a circle here."""
ANYTHING: Clause = frozenset({""})
ANYWHERE: list[Place] = [""]
LEARNS_FROM, LEARNS_FOR = 1000, 1000
"""Vacancies that teach which facts are rare, and subscriptions from which on that is worth it."""


class Group:
    """The subscriptions that want the same. Beside the clause it stands under, all of `clauses` has to be met.

    `wanted` is kept where clauses and circle do not say all of it.
    """

    __slots__ = ("anchor", "around", "clauses", "members", "places", "wanted")

    def __init__(self, clauses: tuple[Clause, ...], places: Clause, around: Circle | None, one: Wanted | None) -> None:
        self.clauses, self.places, self.around, self.wanted = clauses, places, around, one
        self.anchor, self.members = ANYTHING, list[str]()

    def key(self) -> Hashable:
        """What equal ones have in common."""
        return self.wanted or (self.clauses, self.places, self.around)

    def entry(self) -> Entry:
        """What is compared when a vacancy comes by it."""
        rest = [clause for clause in self.clauses if clause is not self.anchor]
        if self.places and self.around:
            rest.append(self.places)
        return (tuple(rest), self.around, self)

    def stands_at(self) -> list[Place]:
        return places_within(self.around) if self.around else list(self.places) or ANYWHERE


class Percolator:
    """The subscriptions, ready to be found by what they ask."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, Group] = {}
        self._of: dict[str, Group] = {}
        self._index: dict[str, dict[Place, list[Entry]]] = {}
        self._shared: dict[Clause, Clause] = {}
        self._seen, self._learnt = Counter[str](), 0

    def __len__(self) -> int:
        return len(self._of)

    def add(self, identity: str, one: Wanted) -> None:
        """Adds or replaces a subscription."""
        self.remove(identity)
        made = self._group(one)
        group = self._groups.get(made.key())
        if group is None:
            group = self._groups[made.key()] = made
            self._stand(group)
        group.members.append(identity)
        self._of[identity] = group

    def _group(self, one: Wanted) -> Group:
        countries = frozenset(f"@{country}" for country in one.countries)
        places = one.nuts or countries
        others = (one.occupations, frozenset(f"={source}" for source in one.sources), countries if one.nuts else ())
        asked = tuple(self._share(frozenset(clause)) for clause in (*one.words, *others) if clause)
        return Group(asked, self._share(places), circle(one), None if _is_known(one) else one)

    def _share(self, clause: Clause) -> Clause:
        return self._shared.setdefault(clause, clause)

    def remove(self, identity: str) -> None:
        """Removes a subscription; one that is not there is no error."""
        if group := self._of.pop(identity, None):
            group.members.remove(identity)
            if not group.members:
                del self._groups[group.key()]
                self._leave(group)

    def matching(self, vacancy: Searchable) -> Iterator[str]:
        """The subscriptions that the vacancy fits, each once."""
        held = held_terms(vacancy)
        facts = _facts(vacancy, held)
        if self._learnt < LEARNS_FROM and len(self._groups) > LEARNS_FOR:
            self._learn(facts)
        found, points = set[Group](), tuple(vacancy.points)
        for rest, around, group in self._candidates(facts, places_of(vacancy)):
            for clause in rest:
                if clause.isdisjoint(facts):
                    break
            else:
                if around is None or reaches(around, points):
                    found.add(group)
        is_open = vacancy.status is Status.ACTIVE
        fitting = [each for each in found if (fits(each.wanted, vacancy, held) if each.wanted else is_open)]
        return (identity for group in fitting for identity in group.members)

    def _candidates(self, facts: set[str], places: set[Place]) -> list[Entry]:
        found = list[Entry]()
        for beneath in filter(None, map(self._index.get, facts)):
            if len(beneath) < len(places):
                for place, entries in beneath.items():
                    if place in places:
                        found += entries
            else:
                for place in places:
                    if place in beneath:
                        found += beneath[place]
        return found

    def _stand(self, group: Group) -> None:
        group.anchor = min(group.clauses, key=self._rarity, default=ANYTHING)
        entry, places = group.entry(), group.stands_at()
        for fact in group.anchor:
            beneath = self._index.setdefault(fact, {})
            for place in places:
                beneath.setdefault(place, []).append(entry)

    def _leave(self, group: Group) -> None:
        for fact in group.anchor:
            beneath = self._index[fact]
            for place in group.stands_at():
                beneath[place] = [entry for entry in beneath[place] if entry[2] is not group]
                if not beneath[place]:
                    del beneath[place]
            if not beneath:
                del self._index[fact]

    def _rarity(self, clause: Clause) -> tuple[int, int]:
        return sum(self._seen[fact] for fact in clause), -max(map(len, clause))

    def _learn(self, facts: set[str]) -> None:
        """Counts what vacancies have; in the end every subscription stands anew, under what has proved rare."""
        self._seen.update(facts)
        self._learnt += 1
        if self._learnt == LEARNS_FROM:
            self._index.clear()
            for group in self._groups.values():
                self._stand(group)


def _is_known(one: Wanted) -> bool:
    """Whether clauses and circle say all that is wanted, of open vacancies."""
    others = (each for each in fields(Wanted) if each.name not in KNOWN)
    return one.shown is Shown.ACTIVE and all(getattr(one, each.name) == each.default for each in others)


def _facts(vacancy: Searchable, held: frozenset[str]) -> set[str]:
    """All that a clause can be met by. Words have no capitals, regions no sign, codes are URIs: none is another."""
    countries = (f"@{country}" for country in vacancy.countries)
    return {*held, *vacancy.nuts, *countries, f"={vacancy.source}", ""}
