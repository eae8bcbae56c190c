"""The links in mails: signed, each good for one purpose only."""

from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

CONFIRM_DAYS = 7


@dataclass(frozen=True)
class Tokens:
    """Makes and reads tokens. Every bad token reads as None: forged, expired, or made for something else."""

    key: str

    def confirm(self, subscription: str) -> str:
        return str(URLSafeTimedSerializer(self.key, "confirm").dumps(subscription))

    def confirmed(self, token: str) -> str | None:
        try:
            return str(URLSafeTimedSerializer(self.key, "confirm").loads(token, max_age=CONFIRM_DAYS * 86400))
        except BadSignature:
            return None

    def stop(self, subscription: str) -> str:
        return str(URLSafeSerializer(self.key, "stop").dumps(subscription))

    def stopped(self, token: str) -> str | None:
        try:
            return str(URLSafeSerializer(self.key, "stop").loads(token))
        except BadSignature:
            return None
