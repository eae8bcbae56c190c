"""A person's own page: their searches, what was mailed, and all they may do about it. Its link is mailed."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from pendler.pages import language_of, page
from pendler.places import Places
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.speech import Speech, choose, speech
from pendler.store import Doc, Store
from pendler.wording import understood
from schemas.query import Query, QueryError
from schemas.rights import Way
from services.notify import saved as saved_ads
from services.notify import subscribing
from services.notify.api import PACKAGE, form_of, host_of, say, too_many
from services.notify.asking import vacancy
from services.notify.choices import chosen, origin_of, saved, zones
from services.notify.digest import search_words, spoken_item
from services.notify.ledger import matches_of
from services.notify.limits import TooMany, admit
from services.notify.personal import export
from services.notify.state import MAILS, MailState, State, Subscription, subscriber_id
from services.notify.tokens import Tokens
from services.notify.why_not import ref_in, verdict
from services.notify.why_not import told as told_why

SEARCHED = ("q", "near", "km", "minutes")
"""What of a search a person can change here; for the rest they search anew."""
WEEK = 7 * 86400.0
NOWHERE = {"km": None}


class Manage:
    """The routes under /subscriptions/link and /subscriptions/manage. A GET changes nothing."""

    def __init__(self, store: Store, places: Places, settings: Settings) -> None:
        self._store, self._places, self._settings = store, places, settings
        self._tokens = Tokens(settings.signing_key)

    def add_to(self, api: APIRouter) -> None:
        link, manage = "/subscriptions/link", "/subscriptions/manage/{token}"
        for path, run, method in (
            (link, self.ask_for_link, "GET"),
            (link, self.mail_link, "POST"),
            (manage, self.show, "GET"),
            (f"{manage}/export", self.export, "GET"),
            (f"{manage}/erase", self.ask_to_erase, "GET"),
            (f"{manage}/erase", self.erase, "POST"),
            (f"{manage}/saved", self.save, "POST"),
            (f"{manage}/{{identity}}", self.act, "POST"),
            (f"{manage}/{{identity}}/why", self.why_not, "GET"),
        ):
            api.add_api_route(path, run, methods=[method], include_in_schema=False)

    def ask_for_link(self, request: Request) -> Response:
        return page(PACKAGE, "link.html", request, save=request.query_params.get("save", ""))

    async def mail_link(self, request: Request) -> Response:
        """The answer is the same whether the address is known or not."""
        address = (await form_of(request)).get("address", "")
        key, save = self._settings.signing_key, request.query_params.get("save", "")
        try:
            await admit(self._store, host_of(request), key)
        except TooMany:
            return too_many(request, language_of(request))
        await subscribing.send_link(self._store, subscriber_id(address, key), save)
        _ = speech(language_of(request)).gettext
        lines = [_("If this address has searches here, a mail with a link to them is on its way.")]
        return say(request, 202, _("Check your mailbox"), lines)

    async def show(self, token: str, request: Request) -> Response:
        return await self._shown(token, request, [])

    async def act(self, token: str, identity: str, request: Request) -> Response:
        """Does what a button of the page says to one of the person's subscriptions."""
        one, form = await self._one(token, identity), await form_of(request)
        try:
            done = await self._do(form.get("do", ""), one, form)
        except QueryError as error:
            return await self._shown(token, request, [each["detail"] for each in error.errors], 400)
        if not done:
            raise Problem(400, "not-done", "This cannot be done to the search as it stands.")
        language = f"?lang={form['lang']}" if form.get("lang") else ""
        return RedirectResponse(f"/subscriptions/manage/{token}{language}", 303)

    async def save(self, token: str, request: Request) -> Response:
        """Saves an advertisement, by its link, or lets one go."""
        theirs, form = await self._theirs(token), await form_of(request)
        spoken = speech(choose(form.get("lang"), theirs[-1].language))
        ref = ref_in(form.get("ad", ""))
        if form.get("do") == "forget":
            await saved_ads.forget(self._store, theirs[-1].subscriber, [ref])
        elif trouble := await self._save(theirs[-1].subscriber, ref, request, spoken):
            return await self._shown(token, request, [trouble], 400)
        return RedirectResponse(f"/subscriptions/manage/{token}?lang={spoken.language}", 303)

    async def _save(self, person: str, ref: str, request: Request, spoken: Speech) -> str:
        """What is in the way, if anything is."""
        event = await vacancy(request, ref)
        if event is None:
            return spoken.gettext("There is no such advertisement here.")
        if not event.is_open or not event.may(Way.ALERT):
            return spoken.gettext("It is no longer open.")
        if not await saved_ads.save(self._store, person, event):
            return spoken.gettext("You have saved as many advertisements as we keep. Forget one first.")
        return ""

    async def why_not(self, token: str, identity: str, request: Request, ad: str = "") -> Response:
        """Why an advertisement did not come, by its link. Changes nothing."""
        one = await self._one(token, identity)
        spoken = speech(choose(request.query_params.get("lang"), one.language))
        event = await vacancy(request, ref_in(ad))
        found = verdict(one, event) if event else None
        told: dict[str, Any] = {
            "one": one,
            "token": token,
            "title": event.vacancy.title if event and event.vacancy else ad,
            "lines": told_why(found, spoken) if found else [spoken.gettext("There is no such advertisement here.")],
            "wider": found and found.wider,
            "unit": found and found.unit,
        }
        return page(PACKAGE, "why_not.html", request, **told)

    async def _do(self, what: str, one: Subscription, form: Mapping[str, str]) -> bool:
        match what:
            case "stop":
                await subscribing.stop(self._store, one)
                return True
            case "pause":
                return await subscribing.pause(self._store, one)
            case "resume":
                return await subscribing.change(self._store, one, state=State.ACTIVE)
            case "change":
                return await subscribing.change(self._store, one, **self._changes(one, form))
        return False

    def _changes(self, one: Subscription, form: Mapping[str, str]) -> dict[str, Any]:
        anew = {*SEARCHED, *(["also"] if form.get("q", "") != one.query.q else [])}  # other words mean something else
        kept = [(name, value) for name, value in one.query.pairs() if name not in anew]
        query = understood(saved(Query.parse([*kept, *((name, form[name]) for name in SEARCHED if form.get(name))])))
        moved = query.near != one.query.near
        origin = origin_of(query, self._places) if moved else one.origin
        return {**chosen(form), "query": query, "origin": origin}

    async def export(self, token: str) -> Response:
        """All that is kept of the person."""
        content = orjson.dumps(await export(self._store, self._person(token)), option=orjson.OPT_INDENT_2)
        headers = {"Content-Disposition": "attachment; filename=pendler.json", "Cache-Control": "no-store"}
        return Response(content, media_type="application/json", headers=headers)

    async def ask_to_erase(self, token: str, request: Request) -> Response:
        """Changes nothing."""
        _ = self._gettext(await self._theirs(token), request)
        lines = [_("Shall we stop all your searches and erase your address and all that belongs to it?")]
        return say(request, 200, _("Erase everything"), lines, _("Yes, erase"))

    async def erase(self, token: str, request: Request) -> Response:
        """Forgets the person; no mail is begun after this is answered. Again: the same answer."""
        person = self._person(token)
        _ = self._gettext(await subscribing.of(self._store, person), request)
        await subscribing.erase(self._store, person)
        return say(request, 200, _("Erased"), [_("We have erased your address and all that belongs to it.")])

    async def _shown(self, token: str, request: Request, errors: list[str], status: int = 200) -> Response:
        theirs, person = await self._theirs(token), self._person(token)
        spoken = speech(choose(request.query_params.get("lang"), theirs[-1].language))
        told = {
            "searches": [await self._told(one, spoken) for one in theirs if one.state is not State.STOPPED],
            "zones": zones(),
            "token": token,
            "saved": [spoken_item(doc["item"] | NOWHERE, spoken) for doc in await saved_ads.of(self._store, person)],
            "save": request.query_params.get("save", ""),
            "errors": errors,
        }
        shown = page(PACKAGE, "manage.html", request, status, spoken=spoken.language, **told)
        shown.headers["Cache-Control"] = "no-store"
        return shown

    async def _told(self, one: Subscription, spoken: Speech) -> Doc:
        mails = [doc for _, doc in await self._store.find(MAILS, {"subscription": one.id})]
        since = datetime.now(UTC).timestamp() - WEEK
        doubtful = [doc for doc in mails if doc["state"] == MailState.AMBIGUOUS and doc["matches"]]
        return {
            "one": one,
            "words": search_words(one.query, spoken),
            "url": one.query.url("/"),
            "feed": f"/subscriptions/feed/{self._tokens.feed(one.id)}",
            "lately": sum(len(doc["matches"]) for doc in mails if doc["created_at"] > since),
            "doubtful": [
                (spoken.date(datetime.fromtimestamp(doc["created_at"], UTC)), await self._jobs(doc)) for doc in doubtful
            ],
        }

    async def _jobs(self, mail: Doc) -> list[Doc]:
        return [match for match in await matches_of(self._store, mail) if match.get("item") and match["ref"]]

    async def _one(self, token: str, identity: str) -> Subscription:
        for one in await self._theirs(token):
            if one.id == identity:
                return one
        raise _unknown()

    def _person(self, token: str) -> str:
        if person := self._tokens.managed(token):
            return person
        raise _unknown()

    async def _theirs(self, token: str) -> list[Subscription]:
        if theirs := await subscribing.of(self._store, self._person(token)):
            return theirs
        raise _unknown()

    @staticmethod
    def _gettext(theirs: list[Subscription], request: Request) -> Callable[[str], str]:
        return speech(choose(request.query_params.get("lang"), theirs[-1].language if theirs else "")).gettext


def _unknown() -> Problem:
    return Problem(404, "no-such-link", "This link is not valid, or no longer.")
