"""Error answers of the API: problem documents (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response


class Problem(Exception):
    """An error answer (RFC 9457). `members` stand beside type, title, status and detail in the document."""

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.headers = status, dict(headers or {})
        self.document = {
            "type": f"/problems/{kind}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            **members,
        }

    def response(self) -> Response:
        """In ASCII, so that a document may quote whatever was sent, half a surrogate pair even."""
        return Response(json.dumps(self.document), self.status, self.headers, media_type="application/problem+json")
