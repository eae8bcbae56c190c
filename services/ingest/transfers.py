"""How transfers are called, those of sources and those of our own."""

from datetime import datetime
from uuid import uuid4


def transfer_name(now: datetime, kind: str = "") -> str:
    """A name for a transfer that begins at this moment: of the same kind, the later is the greater."""
    return "-".join(filter(None, (kind, f"{now:%Y%m%dT%H%M%S}", uuid4().hex[:12])))
