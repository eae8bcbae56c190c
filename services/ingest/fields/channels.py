"""Ways to reach somebody that stand in a sentence: the first link, the first address."""

import re

from services.ingest.fields.record import Notes
from services.ingest.fields.strict import Read, mailbox, web_address

_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def link_in(text: str | None, notes: Notes, at: str) -> str | None:
    """The first link in a text, without the full stop behind it."""
    found = _LINK.search(text or "")
    return notes.keep(web_address(found and found[0].rstrip(".,;:)"), at))


def mail_in(text: str | None, notes: Notes, at: str) -> str | None:
    """The first address in a text."""
    found = _MAIL.search(text or "")
    return notes.keep(mailbox(found and found[0], at))


def website(text: str | None, at: str) -> Read[str]:
    """A web address that people may have written without its scheme."""
    written = (text or "").strip()
    return web_address(f"http://{written}" if written.lower().startswith("www.") else written, at)
