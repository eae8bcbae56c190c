"""What one record of vacancy.matched is to a reader of the change feed: a vacancy, its end, or nothing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.rights import UNSAID, Way, may
from schemas.vacancy import Status

WORD = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
MANY = Annotated[tuple[WORD, ...], Field(max_length=50)]
State = dict[str, Any]
TOLD = ("status", "episode", "at", "vacancy", "derived")


class Filters(BaseModel):
    """Which vacancies a reader wants. Several values of one filter mean any of them; filters narrow one another."""

    model_config = ConfigDict(frozen=True)
    country: MANY = ()
    nuts: MANY = ()
    occupation: MANY = ()
    source: MANY = ()

    @property
    def digest(self) -> str:
        return blake2b(self.model_dump_json().encode(), digest_size=6).hexdigest()

    @property
    def any(self) -> bool:
        return bool(self.country or self.nuts or self.occupation or self.source)

    def meet(self, state: State) -> bool:
        """Whether a vacancy is wanted."""
        if not self.any:
            return True
        derived = state.get("derived") or {}
        places, occupations = derived.get("places") or (), derived.get("occupations") or ()
        return (
            (not self.source or state["ref"].partition(":")[0] in self.source)
            and (not self.country or any(place.get("country") in self.country for place in places))
            and (not self.nuts or any(str(place.get("nuts") or "").startswith(self.nuts) for place in places))
            and (not self.occupation or any(self._is(one) for one in occupations))
        )

    def _is(self, occupation: Mapping[str, Any]) -> bool:
        """By the URI of the concept, or the first digits of the ISCO group."""
        digits = tuple(filter(str.isdecimal, self.occupation))
        return occupation["uri"] in self.occupation or (bool(digits) and str(occupation["isco"]).startswith(digits))


@dataclass(frozen=True)
class Reader:
    """Who reads: through which way out, and what of it."""

    way: Way
    filters: Filters

    def line(self, value: bytes | None) -> State | None:
        """One line of the feed: with `vacancy`, it is to be kept; without, to be dropped. None: it tells nothing.

        A tombstone tells nothing: the end that it follows was told a month before, and no cursor is as old.
        """
        if value is None:
            return None
        state: State = orjson.loads(value)
        told = state.get("vacancy") or state.get("stub") or {}
        rights, demonstration = state.get("ways", UNSAID), told.get("demonstration", False)
        open_, let_out = state["status"] == Status.ACTIVE, may(self.way, rights, demonstration)
        if open_ and let_out and self.filters.meet(state):
            return _kept(state)
        known = let_out or may(self.way, state.get("lost", ()), demonstration)
        if not known or self._never_shown(state):
            return None
        return _dropped(state, _why_dropped(state, open_, let_out))

    def _never_shown(self, state: State) -> bool:
        """Whether no older state of it can have been shown. Codes may have been others before; the rest may not."""
        coded = self.filters.nuts or self.filters.occupation
        return state["revision"] == 1 and not coded


def _kept(state: State) -> State:
    reason = state.get("reason")
    why = reason if reason in ("rights", "enrichment") else "source"
    told: State = {name: state[name] for name in TOLD if name in state}
    return {"ref": state["ref"], "version": _version(state), "why": why, **told}


def _dropped(state: State, why: str) -> State:
    status = "left" if why in ("filter", "rights") else state["status"]
    return {"ref": state["ref"], "version": _version(state), "why": why, "status": status, "at": state["at"]}


def _why_dropped(state: State, open_: bool, let_out: bool) -> str:
    if open_:
        return "filter" if let_out else "rights"
    if state["status"] == Status.EXPIRED:
        return "expiry"
    return "mask" if state.get("reason") == "blocked" else "source"


def _version(state: State) -> int:
    return int(state["revision"]) * 1_000_000 + int(state.get("enrichment", 0))


def line(members: Mapping[str, Any]) -> bytes:
    return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)
