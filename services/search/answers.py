"""Answers of the API as bytes: with an ETag, with only the fields that were asked for."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import Response

from schemas.query import QueryError, told


def answered(request: Request, document: Any, media_type: str = "application/json") -> Response:
    """The document, or 304 where the reader has it already."""
    body = document if isinstance(document, bytes) else orjson.dumps(jsonable_encoder(document))
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def split_fields(pairs: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[str]]:
    """The parameters of the search, and the fields that `fields=ref,title` asks for."""
    given = list(pairs)
    fields = [one for name, value in given if name == "fields" for one in value.split(",") if one]
    return [(name, value) for name, value in given if name != "fields"], fields


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
