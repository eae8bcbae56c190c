"""Subscriptions over HTTP. A GET on a mailed link changes nothing; known and unknown addresses get the same answer."""

from collections.abc import Callable
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Body, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from pendler.pages import page
from pendler.places import Places
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.speech import choose, speech
from pendler.store import Store
from schemas.query import Origin, Query, QueryError
from services.notify import subscribing
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

    async def _begin(self, address: str, language: str, pairs: list[tuple[str, str]]) -> None:
        query = _saved(Query.parse(pairs))
        origin, now, key = _origin(query, self._places), self._settings.clock(), self._settings.signing_key
        await subscribing.subscribe(self._store, subscription(_address(address), language, query, origin, now, key))

    async def subscribe(
        self,
        address: Annotated[str, Body()],
        query: Annotated[dict[str, str | list[str]], Body(description="Parameters of /v1/vacancies.")],
        language: Annotated[str, Body()] = "en",
    ) -> Response:
        """The person gets a mail to confirm first. The answer is the same for every address."""
        pairs = [(name, one) for name, value in query.items() for one in ([value] if isinstance(value, str) else value)]
        try:
            await self._begin(address, choose(language, ""), pairs)
        except QueryError as error:
            raise Problem(400, "bad-query", str(error), errors=error.errors) from None
        return JSONResponse({"detail": "If the address can be reached, a mail to confirm is on its way."}, 202)

    async def subscribe_by_form(self, request: Request) -> Response:
        """The same from the search page."""
        form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        language = choose(dict(form).get("lang"), request.headers.get("accept-language", ""))
        _ = speech(language).gettext
        pairs = [(name, value) for name, value in form if name not in ("address", "lang")]
        try:
            await self._begin(dict(form).get("address", ""), language, [*pairs, ("lang", language)])
        except (QueryError, Problem) as error:
            return say(request, 400, _("That did not work"), [str(error)])
        lines = [_("We have sent you a mail. Please click the link in it: only then will we mail you new jobs.")]
        return say(request, 202, _("Check your mailbox"), lines)

    async def ask_to_confirm(self, token: str, request: Request) -> Response:
        """Changes nothing: programs look at links, too."""
        _ = self._gettext(await self._known(self._tokens.confirmed(token)), request)
        return say(
            request, 200, _("New jobs by e-mail"), [_("Shall we mail you new jobs for your search?")], _("Yes, mail me")
        )

    async def confirm(self, token: str, request: Request) -> Response:
        """The person's word."""
        one = await self._known(self._tokens.confirmed(token))
        await subscribing.confirm(self._store, one, self._settings.clock())
        _ = self._gettext(one, request)
        return say(request, 200, _("Done"), [_("From now on we mail you new jobs. Every mail has a link to stop.")])

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

    @staticmethod
    def _gettext(one: Subscription, request: Request) -> Callable[[str], str]:
        return speech(choose(request.query_params.get("lang"), one.language)).gettext


def say(request: Request, status: int, heading: str, lines: list[str], button: str = "") -> HTMLResponse:
    """A page that says one thing, and may ask one."""
    return page(PACKAGE, "say.html", request, status, heading=heading, lines=lines, button=button)


def _address(address: str) -> str:
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Problem(400, "bad-address", f"This is no e-mail address: {error}") from None


def _saved(query: Query) -> Query:
    """What of a search is kept: what it asks, not where in its hits somebody was."""
    return query.model_copy(update={"cursor": "", "limit": 20})


def _origin(query: Query, places: Places) -> Origin | None:
    if not query.near:
        return None
    if found := places.find(query.near, limit=1):
        return Origin(name=found[0].name, lat=found[0].lat, lon=found[0].lon)
    raise QueryError([{"parameter": "near", "detail": f"No place called “{query.near}” is known."}])
