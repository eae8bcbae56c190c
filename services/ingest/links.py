"""Links to the pages of transfers: signed, so that a source can send one to a colleague who has no key."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from pendler.settings import Settings
from pendler.store import Doc

LASTS = timedelta(days=30)
"""So long after the delivery its page can be seen."""


@dataclass(frozen=True)
class Links:
    """Makes and reads links with the secret of the exchange."""

    settings: Settings

    def page(self, transfer: str) -> str:
        """The address of a transfer's page; its token stands behind the two steps of a path that traces name."""
        return f"{self.settings.site}/deliver/transfers/{self._serializer.dumps(transfer)!s}"

    def transfer(self, token: str) -> str | None:
        """The transfer that a link is to; none where it is not one of ours."""
        try:
            return str(self._serializer.loads(token))
        except BadData:
            return None

    @property
    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.settings.signing_key, "transfer")


def lasts(doc: Doc, now: datetime) -> bool:
    """Whether the page of a transfer can be seen still."""
    return now - datetime.fromisoformat(doc["received_at"]) < LASTS
