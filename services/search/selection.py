"""A selection: advertisements an adviser has ticked, as one link of 30 days, on paper with a QR code, or by mail.

The link says all there is: which, and the day it was made. Nothing is kept, so nobody can be asked who chose what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote, urlencode

import segno
from markupsafe import Markup

from pendler.problem import Problem
from pendler.speech import LANGUAGES, speech

LIVES = timedelta(days=30)
MOST = 50


@dataclass(frozen=True)
class Selection:
    """The refs in the order they were ticked, and the day they were put together."""

    refs: Sequence[str]
    made: date

    @property
    def until(self) -> date:
        return self.made + LIVES

    def is_good(self, today: date) -> bool:
        return self.made <= today <= self.until

    def path(self, language: str) -> str:
        pairs = [("ref", ref) for ref in self.refs]
        return f"/selection?{urlencode([('lang', language), ('made', self.made.isoformat()), *pairs], safe=':')}"

    def mails(self, site: str) -> Mapping[str, str]:
        """By language, a `mailto:` address that opens the reader's mail program with the link in that language."""
        return {language: self._mail(language, site) for language in LANGUAGES}

    def _mail(self, language: str, site: str) -> str:
        spoken = speech(language)
        told = spoken.gettext("Chosen for you, with a link that is good until %(day)s:")
        body = f"{told % {'day': spoken.date(self.until)}}\n\n{site}{self.path(language)}\n"
        return f"mailto:?subject={quote(spoken.gettext('A selection of jobs'))}&body={quote(body)}"


def selection(refs: Sequence[str], made: str, today: date) -> Selection:
    """What a link asks for; made today where it does not say.

    Raises:
        Problem: too many, or a day that is none.
    """
    chosen = list(dict.fromkeys(ref for ref in refs if ref))
    if len(chosen) > MOST:
        raise Problem(400, "too-many", f"A selection holds {MOST} advertisements; these are {len(chosen)}.")
    try:
        return Selection(chosen, date.fromisoformat(made) if made else today)
    except ValueError:
        raise Problem(400, "no-such-day", f"“{made[:20]}” is no day: `made=` takes 2026-11-25.") from None


def code(link: str) -> Markup:
    """The link as a QR code, an SVG without styles."""
    drawn = segno.make(link, error="l").svg_inline(scale=3, border=2, omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))  # noqa: S704 - our own drawing
