"""NACE Rev. 2: however deep and however spelt a source writes it, here it is its section and class, as C33.17."""

import re
from bisect import bisect

from services.ingest.fields.codes import unknown
from services.ingest.fields.strict import Read

_FIRST_DIVISIONS = (1, 5, 10, 35, 36, 41, 45, 49, 55, 58, 64, 68, 69, 77, 84, 85, 86, 90, 94, 97, 99)
"""The first division of each section, A to U."""
_CLASS = re.compile(r"(?P<section>[A-U]?)(?P<digits>\d{1,2}(?:\.\d{1,3}){0,3})(?P<national>[A-Z]?)", re.IGNORECASE)


def nace(value: str | None, at: str) -> Read[str]:
    """`33.170` (Norway), `10.71C` (France) and `C33.1.7` (EURES) are C33.17, C10.71 and C33.17."""
    written = (value or "").strip().upper()
    if not written:
        return None, None
    if len(written) == 1 and "A" <= written <= "U":
        return written, None
    form = _CLASS.fullmatch(written)
    division, _, rest = form["digits"].partition(".") if form else ("0", "", "")
    if form is None or not 1 <= int(division) <= 99:
        return None, unknown(value, at, "a class of NACE Rev. 2, as C33.17")
    section = chr(ord("A") + bisect(_FIRST_DIVISIONS, int(division)) - 1)
    group = rest.replace(".", "")[:2]
    return f"{section}{int(division):02}{'.' if group else ''}{group}", None
