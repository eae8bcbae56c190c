"""The HTTP of a process: one application with the routers of its services, problem documents, health, headers."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.routing import Route

from pendler import tracing
from pendler.health import health_routes
from pendler.problem import Problem
from pendler.service import Service, Unavailable

Next = Callable[[Request], Awaitable[Response]]
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS = STRICT.replace(
    "script-src 'self'; style-src 'self'",
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'",
)
STATIC = {"pendler.css": "text/css", "pendler.js": "text/javascript"}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}


def web_app(services: Sequence[Service], *own: APIRouter) -> FastAPI:
    """The application of the web process: what the services serve, and `own` routes of the runtime."""
    app = FastAPIOffline(
        title="Pendler",
        version="1",
        summary="Vacancies across Europe's borders: deliver, follow, search, be told.",
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    )
    app.state.services = tuple(services)
    for service in services:
        if service.api:
            app.include_router(service.api())
    for router in own:
        app.include_router(router)
    for name, kind in STATIC.items():
        app.router.routes.append(Route(f"/static/{name}", _static(name, kind)))
    app.router.routes.extend(health_routes(dict))
    _problems(app)
    app.middleware("http")(_headers)
    return app


def _problems(app: FastAPI) -> None:
    async def known(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return error.response()

    async def away(_: Request, __: Exception) -> Response:
        return Problem(
            503, "engine-away", "Part of the exchange is away. Try again shortly.", {"Retry-After": "5"}
        ).response()

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return Problem(error.status_code, "http", str(error.detail), error.headers).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [{"at": "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
        return Problem(422, "invalid-request", "The request does not fit; see `errors`.", errors=errors).response()

    async def broken(_: Request, __: Exception) -> Response:
        detail = "Something broke here. It has been noted; nothing you sent is half-stored."
        headers = {**HEADERS, "Content-Security-Policy": STRICT}  # this answer passes by `_headers`
        return Problem(500, "internal", detail, headers).response()

    for kind, handler in {
        Exception: broken,
        Problem: known,
        Unavailable: away,
        HTTPException: http,
        RequestValidationError: invalid,
    }.items():
        app.add_exception_handler(kind, handler)


def _static(name: str, kind: str) -> Callable[[Request], Response]:
    text = files("pendler").joinpath("static", name).read_text("utf-8")
    return lambda _: Response(text, media_type=kind, headers={"Cache-Control": "max-age=3600"})


def _what(request: Request) -> str:
    """The request without what comes after the second step of its path: links in mails hold tokens there."""
    return f"{request.method} {'/'.join(request.url.path.split('/')[:3])}"


async def _headers(request: Request, call_next: Next) -> Response:
    with tracing.span(_what(request), request.headers.get(tracing.HEADER, "")):
        response = await call_next(request)
    response.headers.update(HEADERS)
    docs = request.url.path.startswith(("/docs", "/redoc"))
    response.headers.setdefault("Content-Security-Policy", DOCS if docs else STRICT)
    return response
