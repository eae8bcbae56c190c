"""Occupations as European exchanges code them: a URI of ESCO, digits of ISCO-08."""

import re

from schemas.vacancy import OccupationCode

_ISCO = re.compile(r"(?:https?://\S*/)?C?([0-9]{1,4})", re.IGNORECASE)
_ISCO_LISTS = ("ISCO2008", "ISCO-08", "ISCO08")


def coded(written: str, listed: str = "", version: str | None = None) -> OccupationCode | None:
    """The code in `written`, of which a source may say from what list it is; None where nobody can tell."""
    if "/esco/occupation/" in written:
        return OccupationCode(scheme="ESCO", version=version, code=written)
    digits = _ISCO.fullmatch(written)
    if digits and ("/esco/isco/" in written.lower() or listed.upper() in _ISCO_LISTS):
        return OccupationCode(scheme="ISCO-08", version="2008", code=digits[1])
    return OccupationCode(scheme=listed[:60], version=version, code=written) if listed else None
