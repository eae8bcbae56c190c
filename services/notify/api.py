"""Subscriptions over HTTP. A GET on a mailed link changes nothing; known and unknown addresses get the same answer."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from pendler.pages import language_of, page
from pendler.places import Places
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.speech import Speech, choose, speech
from pendler.store import Store
from pendler.wording import understood
from schemas.query import Query, QueryError
from services.notify import subscribing
from services.notify.asking import lately
from services.notify.choices import Asked, BadAddress, Choices, checked_address, chosen, origin_of, saved, zones
from services.notify.digest import search_words
from services.notify.limits import TooMany, admit
from services.notify.mail import Mail
from services.notify.mail.outbox import Outbox
from services.notify.state import Subscription, subscription
from services.notify.tokens import Tokens

PACKAGE = "services.notify"
SHOWN = 30
MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


class Api:
    """The routes under /subscriptions and /v1/subscriptions, and, where mails lie in an outbox, /outbox."""

    def __init__(self, store: Store, mail: Mail, places: Places, settings: Settings) -> None:
        self._store, self._mail, self._places, self._settings = store, mail, places, settings
        self._tokens = Tokens(settings.signing_key)

    def router(self) -> APIRouter:
        api = APIRouter()
        api.add_api_route(
            "/v1/subscriptions", self.subscribe, methods=["POST"], status_code=202, tags=["alerts"],
            summary="Ask for new vacancies by e-mail",
        )  # fmt: skip
        api.add_api_route("/subscriptions", self.ask, include_in_schema=False)
        api.add_api_route("/subscriptions", self.subscribe_by_form, methods=["POST"], include_in_schema=False)
        api.add_api_route("/subscriptions/confirm/{token}", self.ask_to_confirm, include_in_schema=False)
        api.add_api_route("/subscriptions/confirm/{token}", self.confirm, methods=["POST"], include_in_schema=False)
        api.add_api_route("/subscriptions/stop/{token}", self.ask_to_stop, include_in_schema=False)
        api.add_api_route(
            "/subscriptions/stop/{token}",
            self.stop,
            methods=["POST"],
            tags=["alerts"],
            summary="One-click unsubscribe (RFC 8058)",
        )
        if isinstance(self._mail, Outbox):
            api.add_api_route("/outbox", self.outbox, include_in_schema=False)
            api.add_api_route("/outbox/{name}", self.mail, include_in_schema=False)
        return api

    async def _begin(
        self, request: Request, address: str, choices: Mapping[str, Any], pairs: list[tuple[str, str]]
    ) -> None:
        query = understood(saved(Query.parse(pairs)))
        origin, now, key = origin_of(query, self._places), self._settings.clock(), self._settings.signing_key
        asked = subscription(checked_address(address), choices["language"], query, origin, now, key)
        gathers = self._settings.gather * 60.0
        await admit(self._store, host_of(request), key)
        await subscribing.subscribe(self._store, dataclasses.replace(asked, **choices, gathers=gathers))

    async def subscribe(self, asked: Asked, request: Request) -> Response:
        """The person gets a mail to confirm first. The answer is the same for every address."""
        try:
            await self._begin(request, asked.address, asked.choices(), asked.pairs())
        except QueryError as error:
            raise Problem(400, "bad-query", str(error), errors=error.errors) from None
        except BadAddress as error:
            raise Problem(400, "bad-address", str(error)) from None
        except TooMany:
            raise Problem(
                429, "too-many", "Enough was asked for from your network today. Try again tomorrow."
            ) from None
        return JSONResponse({"detail": "If the address can be reached, a mail to confirm is on its way."}, 202)

    async def ask(self, request: Request) -> Response:
        """How many mails a search would bring, and the form to ask for them. Changes nothing."""
        language = language_of(request)
        spoken = speech(language)
        pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        try:
            query = understood(saved(Query.parse([*pairs, ("lang", language)])))
            origin_of(query, self._places)
        except QueryError as error:
            return say(request, 400, spoken.gettext("That did not work"), [str(error)])
        shown: dict[str, Any] = {
            "search": search_words(query, spoken),
            "pairs": [(name, value) for name, value in query.pairs() if name != "lang"],
            "preview": await self._preview(request, query, spoken),
        }
        return page(PACKAGE, "subscribe.html", request, **shown, chosen=Choices(), zones=zones())

    async def _preview(self, request: Request, query: Query, spoken: Speech) -> tuple[str, Sequence[Any]] | None:
        found = await lately(request, query, self._settings.clock())
        return (found.words(spoken), found.last) if found else None

    async def subscribe_by_form(self, request: Request) -> Response:
        """The same from the search page."""
        form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        language = choose(dict(form).get("lang"), request.headers.get("accept-language", ""))
        _ = speech(language).gettext
        pairs = [(name, value) for name, value in form if name not in ("address", "lang", *Choices.model_fields)]
        choices = {**chosen(dict(form)), "language": language}
        try:
            await self._begin(request, dict(form).get("address", ""), choices, [*pairs, ("lang", language)])
        except (QueryError, BadAddress) as error:
            return say(request, 400, _("That did not work"), [str(error)])
        except TooMany:
            return too_many(request, language)
        lines = [_("We have sent you a mail. Please click the link in it: only then will we mail you new jobs.")]
        return say(request, 202, _("Check your mailbox"), lines)

    async def ask_to_confirm(self, token: str, request: Request) -> Response:
        """Changes nothing: programs look at links, too."""
        one = await self._known(self._tokens.confirmed(token))
        spoken = self._speech(one, request)
        _ = spoken.gettext
        lines = [_("Shall we mail you new jobs for your search?"), search_words(one.query, spoken)]
        preview = await self._preview(request, one.query, spoken)
        asked: dict[str, Any] = {"heading": _("New jobs by e-mail"), "lines": lines, "button": _("Yes, mail me")}
        return page(PACKAGE, "say.html", request, **asked, chosen=one, zones=zones(), further=[], preview=preview)

    async def confirm(self, token: str, request: Request) -> Response:
        """The person's word, and how often they want mail."""
        one = await self._known(self._tokens.confirmed(token))
        await subscribing.confirm(self._store, one, self._settings.clock(), **chosen(await form_of(request)))
        _ = self._gettext(one, request)
        lines = [_("From now on we mail you new jobs. Every mail has a link to stop.")]
        further = [(f"/subscriptions/manage/{self._tokens.manage(one.subscriber)}", _("My searches"))]
        return say(request, 200, _("Done"), lines, further=further)

    async def ask_to_stop(self, token: str, request: Request) -> Response:
        """Changes nothing."""
        _ = self._gettext(await self._known(self._tokens.stopped(token)), request)
        lines = [_("Shall we stop mailing you new jobs for this search?")]
        return say(request, 200, _("Stop these mails"), lines, _("Yes, stop"))

    async def stop(self, token: str, request: Request) -> Response:
        """Ends the subscription; no mail is begun after this is answered."""
        one = await self._known(self._tokens.stopped(token))
        await subscribing.stop(self._store, one)
        _ = self._gettext(one, request)
        return say(request, 200, _("Stopped"), [_("You will get no more mails for this search.")])

    def outbox(self, request: Request) -> Response:
        """The mails that lie here, as a mail program would show them."""
        assert isinstance(self._mail, Outbox)
        mails = [(name, self._mail.read(name)) for name in self._mail.names()[:SHOWN]]
        return page(PACKAGE, "outbox.html", request, mails=mails)

    def mail(self, name: str) -> Response:
        """The HTML of one mail, with a policy that lets nothing in from elsewhere."""
        assert isinstance(self._mail, Outbox)
        message = self._mail.read(name)
        part = message.get_body(("html",)) if message else None
        if part is None:
            raise Problem(404, "no-such-mail", "There is no such mail.")
        return HTMLResponse(part.get_content(), headers={"Content-Security-Policy": MAIL_CSP})

    async def _known(self, identity: str | None) -> Subscription:
        one = await subscribing.find(self._store, identity) if identity else None
        if one is None:
            raise Problem(404, "no-such-link", "This link is not valid, or no longer.")
        return one

    def _gettext(self, one: Subscription, request: Request) -> Callable[[str], str]:
        return self._speech(one, request).gettext

    @staticmethod
    def _speech(one: Subscription, request: Request) -> Speech:
        return speech(choose(request.query_params.get("lang"), one.language))


def say(
    request: Request,
    status: int,
    heading: str,
    lines: list[str],
    button: str = "",
    further: Sequence[tuple[str, str]] = (),
) -> HTMLResponse:
    """A page that says one thing, and may ask one; `further` are links with their words."""
    told = {"heading": heading, "lines": lines, "button": button, "chosen": None, "further": further, "preview": None}
    return page(PACKAGE, "say.html", request, status, **told)


def too_many(request: Request, language: str) -> HTMLResponse:
    """The page for a network from which enough was asked for."""
    _ = speech(language).gettext
    lines = [_("Enough was asked for from your network today. Try again tomorrow.")]
    return say(request, 429, _("That did not work"), lines)


def host_of(request: Request) -> str | None:
    """The address that a request comes from."""
    return request.client.host if request.client else None


async def form_of(request: Request) -> dict[str, str]:
    """The text fields of a form that was sent."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
