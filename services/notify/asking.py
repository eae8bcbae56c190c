"""What the search API of this process answers: services meet over HTTP, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from fastapi import Request
from httpx2 import ASGITransport, AsyncClient

from pendler.speech import Speech
from schemas.event import VacancyMatched
from schemas.query import Query, Sort

DAYS, SHOWN = 7, 5


@dataclass(frozen=True)
class Lately:
    """What a search has found: how many in the last `DAYS` days, and the last of all."""

    count: int
    last: Sequence[dict[str, Any]]

    def words(self, spoken: Speech) -> str:
        """`About 3 a day`, or a week where that is less than one a day."""
        _ = spoken.gettext
        if not self.count:
            return _("None in the last 7 days.")
        if self.count < DAYS:
            return _("About %(num)s a week. The last ones:") % {"num": self.count}
        return _("About %(num)s a day. The last ones:") % {"num": spoken.number(round(self.count / DAYS))}


async def vacancy(request: Request, ref: str) -> VacancyMatched | None:
    """The newest state of a vacancy; None where there is none."""
    async with _client(request) as http:
        answer = await http.get(f"/v1/vacancies/{quote(ref, safe='')}")
    return VacancyMatched.model_validate_json(answer.content) if answer.is_success else None


async def lately(request: Request, query: Query, now: datetime) -> Lately | None:
    """What a search would have brought; None where it cannot be asked."""
    since = max(filter(None, [query.since, (now - timedelta(days=DAYS)).date()]))
    async with _client(request) as http:
        week = await http.get(query.url("/v1/vacancies", since=since, limit=0))
        last = await http.get(query.url("/v1/vacancies", sort=Sort.NEWEST, limit=SHOWN))
    if not week.is_success or not last.is_success:
        return None
    return Lately(week.json()["total"]["ads"], last.json()["vacancies"])


def _client(request: Request) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(request.app), base_url=str(request.base_url))
