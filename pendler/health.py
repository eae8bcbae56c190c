"""Health and metrics of a process, for probes and for Prometheus."""

from collections.abc import Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Troubles = Callable[[], Mapping[str, str]]


def health_app(troubles: Troubles) -> Starlette:
    """Health and metrics alone, for workers. `troubles` tells what keeps the process from being ready."""
    return Starlette(routes=health_routes(troubles))


def health_routes(troubles: Troubles) -> list[Route]:
    """`/livez`, `/readyz` and `/metrics`."""

    def livez(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    def readyz(_: Request) -> Response:
        bad = troubles()
        return JSONResponse({"ready": not bad, "troubles": bad}, 503 if bad else 200)

    def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route(path, endpoint) for path, endpoint in {"/livez": livez, "/readyz": readyz, "/metrics": metrics}.items()
    ]
