"""Server-rendered pages: one layout, one style sheet, seven languages, no script needed."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pendler.speech import LANGUAGES, choose, locale, speech


@cache
def templates(package: str, tag: str) -> Environment:
    """The templates of a service, which may extend `layout.html`, spoken in one language; compiled once."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("pendler")]),
        autoescape=select_autoescape(),
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken = speech(tag)
    environment.install_gettext_callables(spoken.gettext, spoken.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(s=spoken, lang=spoken.language)
    environment.filters["country"] = spoken.country
    return environment


def render(package: str, template: str, tag: str, context: Mapping[str, Any]) -> str:
    """A template spoken in one language; `s` is its `Speech`."""
    return templates(package, tag).get_template(template).render(**context)


def page(package: str, template: str, request: Request, status: int = 200, **context: Any) -> HTMLResponse:
    """A page in the language the reader asked for."""
    tag = locale(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    others = [
        (code, speech(code).own_name(), str(request.url.include_query_params(lang=code).query)) for code in LANGUAGES
    ]
    html = render(package, template, tag, {"languages": others, "path": request.url.path, **context})
    return HTMLResponse(html, status)


def language_of(request: Request) -> str:
    return choose(request.query_params.get("lang"), request.headers.get("accept-language", ""))
