"""Answers of the API as bytes: with an ETag, with only the fields that were asked for."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import Response

from pendler.speech import LANGUAGES
from schemas.query import QueryError, told

ALLOWED: Mapping[str, Sequence[str]] = {"labels": sorted(LANGUAGES), "explain": ("true", "false")}


def answered(request: Request, document: Any, media_type: str = "application/json") -> Response:
    """The document, or 304 where the reader has it already."""
    body = document if isinstance(document, bytes) else orjson.dumps(jsonable_encoder(document))
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    headers |= getattr(request.state, "rate_limit", {})
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


@dataclass(frozen=True)
class Shape:
    """How the answer is to look, beside what is searched for: which fields, labels in which language, with reasons."""

    fields: Sequence[str] = ()
    labels: str | None = None
    explain: bool = False


def split_shape(pairs: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], Shape]:
    """The parameters of the search, and those of its answer: `fields=ref,title`, `labels=da`, `explain=true`.

    Raises:
        QueryError: one of the latter cannot be read.
    """
    given = list(pairs)
    fields = [one for name, value in given if name == "fields" for one in value.split(",") if one]
    said = {name: value for name, value in given if name in ALLOWED and value}
    for name, value in said.items():
        if value not in ALLOWED[name]:
            raise QueryError([{"parameter": name, "value": value[:80], "detail": told(value, ALLOWED[name]).strip()}])
    shape = Shape(fields, said.get("labels"), said.get("explain") == "true")
    return [(name, value) for name, value in given if name not in ("fields", *ALLOWED)], shape


def chosen(brief: Mapping[str, Any], fields: Sequence[str]) -> Mapping[str, Any]:
    """Only those fields, in the order they were asked for; all where none was.

    Raises:
        QueryError: there is no such field.
    """
    for one in fields:
        if one not in brief:
            detail = f"There is no such field.{told(one, brief)}"
            raise QueryError([{"parameter": "fields", "value": one[:80], "detail": detail}])
    return {one: brief[one] for one in fields} or brief


def site(request: Request) -> str:
    """The address that the reader came to, without a slash."""
    return str(request.base_url).rstrip("/")
