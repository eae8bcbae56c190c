"""Boards: searches with a name and an address of their own. Each is a YAML file here; each partnership is one, too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from schemas.partnership import partnerships
from schemas.query import Query, Shown


@dataclass(frozen=True)
class Board:
    """A search, called something in each language; `target` in posts a year, where there is one."""

    id: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    query: Query
    target: int | None = None

    def called(self, language: str) -> str:
        return self.title.get(language) or self.title["en"]

    def told(self, language: str) -> str:
        return self.text.get(language) or self.text.get("en", "")

    def this_year(self, today: date) -> Query:
        """All that was published this year, open or not: what is counted against the target."""
        return self.query.model_copy(update={"since": today.replace(month=1, day=1), "status": Shown.ANY, "limit": 0})


@cache
def boards() -> Mapping[str, Board]:
    """All boards by id: those with a file, then those of the partnerships."""
    own = {path.name: path for path in files(__package__).iterdir() if path.name.endswith(".yaml")}
    found = {name.removesuffix(".yaml"): yaml.safe_load(own[name].read_text("utf-8")) for name in sorted(own)}
    made = {name: _board(name, said) for name, said in found.items()}
    for one in partnerships().values():
        if one.current:
            made[one.id] = Board(one.id, {"en": one.name}, {}, Query(partnership=(one.id,)))
    return made


def _board(name: str, said: Mapping[str, Any]) -> Board:
    query = Query.model_validate(said["query"])
    return Board(name, said["title"], said["text"], query, said["target_posts_a_year"])
