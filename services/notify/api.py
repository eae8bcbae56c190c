"""Subscriptions over HTTP. A GET on a mailed link changes nothing; known and unknown addresses get the same answer."""

from email.message import EmailMessage
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Body, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from pendler.pages import language_of, page
from pendler.places import Places
from pendler.settings import Settings
from pendler.speech import choose, speech
from pendler.store import Store
from pendler.web import Problem
from schemas.query import Origin, Query, QueryError
from services.notify import subscribing
from services.notify.mail import Mail
from services.notify.mail.outbox import Outbox
from services.notify.state import Subscription, subscription
from services.notify.tokens import Tokens

PACKAGE = "services.notify"
SHOWN = 30
MAIL_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def router(store: Store, mail: Mail, places: Places, settings: Settings) -> APIRouter:
    """The routes under /subscriptions, /v1/subscriptions and /outbox."""
    api = APIRouter()
    tokens = Tokens(settings.signing_key)

    async def begin(address: str, language: str, pairs: list[tuple[str, str]]) -> None:
        query = _saved(Query.parse(pairs))
        one = subscription(
            _address(address), language, query, _origin(query, places), settings.clock(), settings.signing_key
        )
        await subscribing.subscribe(store, one)

    @api.post("/v1/subscriptions", status_code=202, tags=["alerts"], summary="Ask for new vacancies by e-mail")
    async def subscribe(
        address: Annotated[str, Body()],
        query: Annotated[dict[str, str | list[str]], Body(description="Parameters of /v1/vacancies.")],
        language: Annotated[str, Body()] = "en",
    ) -> Response:
        """The person gets a mail to confirm first. The answer is the same for every address."""
        pairs = [(name, one) for name, value in query.items() for one in ([value] if isinstance(value, str) else value)]
        try:
            await begin(address, choose(language, ""), pairs)
        except QueryError as error:
            raise Problem(400, "bad-query", str(error), errors=error.errors) from None
        return JSONResponse({"detail": "If the address can be reached, a mail to confirm is on its way."}, 202)

    @api.post("/subscriptions", include_in_schema=False)
    async def subscribe_form(request: Request) -> Response:
        form = [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        language = choose(dict(form).get("lang"), request.headers.get("accept-language", ""))
        _ = speech(language).gettext
        pairs = [(name, value) for name, value in form if name not in ("address", "lang")]
        try:
            await begin(dict(form).get("address", ""), language, [*pairs, ("lang", language)])
        except (QueryError, Problem) as error:
            return say(request, 400, _("That did not work"), [str(error)])
        lines = [_("We have sent you a mail. Please click the link in it: only then will we mail you new jobs.")]
        return say(request, 202, _("Check your mailbox"), lines)

    @api.get("/subscriptions/confirm/{token}", include_in_schema=False)
    async def ask_confirm(token: str, request: Request) -> Response:
        one = await _known(store, tokens.confirmed(token))
        _ = speech(_language(one, request)).gettext
        return say(
            request,
            200,
            _("New jobs by e-mail"),
            [_("Shall we mail you new jobs for your search?")],
            _("Yes, mail me"),
        )

    @api.post("/subscriptions/confirm/{token}", include_in_schema=False)
    async def confirm(token: str, request: Request) -> Response:
        one = await _known(store, tokens.confirmed(token))
        await subscribing.confirm(store, one, settings.clock())
        _ = speech(_language(one, request)).gettext
        return say(request, 200, _("Done"), [_("From now on we mail you new jobs. Every mail has a link to stop.")])

    @api.get("/subscriptions/stop/{token}", include_in_schema=False)
    async def ask_stop(token: str, request: Request) -> Response:
        one = await _known(store, tokens.stopped(token))
        _ = speech(_language(one, request)).gettext
        return say(
            request,
            200,
            _("Stop these mails"),
            [_("Shall we stop mailing you new jobs for this search?")],
            _("Yes, stop"),
        )

    @api.post("/subscriptions/stop/{token}", tags=["alerts"], summary="One-click unsubscribe (RFC 8058)")
    async def stop(token: str, request: Request) -> Response:
        one = await _known(store, tokens.stopped(token))
        await subscribing.stop(store, one)
        _ = speech(_language(one, request)).gettext
        return say(request, 200, _("Stopped"), [_("You will get no more mails for this search.")])

    if isinstance(mail, Outbox):
        _outbox(api, mail)
    return api


def say(request: Request, status: int, heading: str, lines: list[str], button: str = "") -> HTMLResponse:
    """A page that says one thing, and may ask one."""
    return page(PACKAGE, "say.html", request, status, heading=heading, lines=lines, button=button)


async def _known(store: Store, identity: str | None) -> Subscription:
    one = await subscribing.find(store, identity) if identity else None
    if one is None:
        raise Problem(404, "no-such-link", "This link is not valid, or no longer.")
    return one


def _language(one: Subscription, request: Request) -> str:
    return choose(request.query_params.get("lang"), one.language) if one else language_of(request)


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


def _outbox(api: APIRouter, outbox: Outbox) -> None:
    @api.get("/outbox", include_in_schema=False)
    def show(request: Request) -> Response:
        mails: list[tuple[str, Any]] = [(name, outbox.read(name)) for name in outbox.names()[:SHOWN]]
        return page(PACKAGE, "outbox.html", request, mails=mails)

    @api.get("/outbox/{name}", include_in_schema=False)
    def body(name: str) -> Response:
        message: EmailMessage | None = outbox.read(name)
        part = message.get_body(("html",)) if message else None
        if part is None:
            raise Problem(404, "no-such-mail", "There is no such mail.")
        return HTMLResponse(part.get_content(), headers={"Content-Security-Policy": MAIL_CSP})
