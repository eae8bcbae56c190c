"""What a subscription found lately, for feed readers: RSS 2.0 and JSON Feed 1.1, by a link that only its owner has."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from pendler.pages import render
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.speech import speech
from pendler.store import Store
from services.notify import subscribing
from services.notify.digest import PACKAGE, search_words, spoken_item
from services.notify.ledger import matches_of
from services.notify.state import MAILS, MATCHES, State, Subscription
from services.notify.tokens import Tokens

MOST = 50
PRIVATE = {"Cache-Control": "private, max-age=900", "X-Robots-Tag": "noindex"}


class Feeds:
    """The routes /subscriptions/feed/TOKEN.rss and .json."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._site, self._tokens = store, settings.site, Tokens(settings.signing_key)

    def add_to(self, api: APIRouter) -> None:
        api.add_api_route("/subscriptions/feed/{token}.rss", self.rss, methods=["GET"], include_in_schema=False)
        api.add_api_route("/subscriptions/feed/{token}.json", self.json, methods=["GET"], include_in_schema=False)

    async def rss(self, token: str) -> Response:
        feed = await self._feed(token)
        xml = render(PACKAGE, "feed.xml", feed["language"], {"feed": feed})
        return Response(xml, media_type="application/rss+xml", headers=PRIVATE)

    async def json(self, token: str) -> Response:
        feed = await self._feed(token)
        items = [
            {
                "id": one["url"],
                "url": one["url"],
                "title": one["title"],
                "content_text": one["facts"],
                "date_published": one["at"].isoformat(),
            }
            for one in feed["items"]
        ]
        document = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": feed["title"],
            "home_page_url": feed["home"],
            "language": feed["language"],
            "items": items,
        }
        return JSONResponse(document, headers=PRIVATE, media_type="application/feed+json")

    async def _feed(self, token: str) -> dict[str, Any]:
        identity = self._tokens.fed(token)
        one = await subscribing.find(self._store, identity) if identity else None
        if one is None or one.state not in (State.ACTIVE, State.PAUSED):
            raise Problem(404, "no-such-link", "This link is not valid, or no longer.")
        spoken = speech(one.language)
        title = f"Pendler: {spoken.gettext('New jobs by e-mail')} {search_words(one.query, spoken)}".strip()
        home = f"{self._site}{one.query.url('/')}"
        return {"title": title, "home": home, "language": one.language, "items": await self._items(one)}

    async def _items(self, one: Subscription) -> list[dict[str, Any]]:
        """What it found, the last first."""
        found = [doc for _, doc in await self._store.find(MATCHES, {"waiting": one.id})]
        mails = [doc for _, doc in await self._store.find(MAILS, {"subscription": one.id})]
        for mail in sorted(mails, key=lambda doc: doc["created_at"], reverse=True):
            if len(found) < MOST:
                found += await matches_of(self._store, mail)
        told = [match for match in found if match.get("item") and "news" not in match["item"]]
        newest = sorted(told, key=lambda match: match["matched_at"], reverse=True)[:MOST]
        return [self._item(match, one.language) for match in newest]

    def _item(self, match: dict[str, Any], language: str) -> dict[str, Any]:
        at = datetime.fromtimestamp(match["matched_at"], UTC)
        return {
            **spoken_item(match["item"], speech(language)),
            "url": f"{self._site}/vacancies/{match['ref']}?lang={language}",
            "at": at,
            "date": format_datetime(at),
        }
