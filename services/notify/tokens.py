"""The links in mails: signed, each good for one purpose only."""

from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

CONFIRM_DAYS = 7
MANAGE_DAYS = 7


@dataclass(frozen=True)
class Tokens:
    """Makes and reads tokens. Every bad token reads as None: forged, expired, or made for something else."""

    key: str

    def confirm(self, subscription: str) -> str:
        return self._dated("confirm", subscription)

    def confirmed(self, token: str) -> str | None:
        return self._read_dated("confirm", token, CONFIRM_DAYS)

    def manage(self, subscriber: str) -> str:
        """Opens all subscriptions of a person, for some days: they can have a new one mailed."""
        return self._dated("manage", subscriber)

    def managed(self, token: str) -> str | None:
        return self._read_dated("manage", token, MANAGE_DAYS)

    def stop(self, subscription: str) -> str:
        return self._lasting("stop", subscription)

    def stopped(self, token: str) -> str | None:
        return self._read_lasting("stop", token)

    def feed(self, subscription: str) -> str:
        return self._lasting("feed", subscription)

    def fed(self, token: str) -> str | None:
        return self._read_lasting("feed", token)

    def _dated(self, purpose: str, what: str) -> str:
        return str(URLSafeTimedSerializer(self.key, purpose).dumps(what))

    def _read_dated(self, purpose: str, token: str, days: int) -> str | None:
        try:
            return str(URLSafeTimedSerializer(self.key, purpose).loads(_exact(token), max_age=days * 86400))
        except BadData:
            return None

    def _lasting(self, purpose: str, what: str) -> str:
        return str(URLSafeSerializer(self.key, purpose).dumps(what))

    def _read_lasting(self, purpose: str, token: str) -> str | None:
        try:
            return str(URLSafeSerializer(self.key, purpose).loads(_exact(token)))
        except BadData:
            return None


def _exact(token: str) -> str:
    """Base64 has bits at its end that say nothing; a token with others there than we write is none of ours.

    Raises:
        BadData: so it is.
    """
    signature = token.rpartition(".")[2].encode()
    if base64_encode(base64_decode(signature)) != signature:
        raise BadData("not as it was written")
    return token
