"""In which language an advertisement is written: its own tag, else what its words say, else nothing."""

import eldc

from schemas.vacancy import Profile

ENOUGH = 2000
eldc.init()
eldc.set_languages("bg,cs,da,de,el,en,es,et,fi,fr,hr,hu,it,lt,lv,nl,no,pl,pt,ro,sk,sl,sv")


def language_of(profile: Profile) -> str | None:
    """The ISO 639-1 code of a profile's language; Norwegian is `nb`. None where nothing is sure."""
    return profile.language or detect(f"{profile.title}\n{profile.text[:ENOUGH]}")


def detect(text: str) -> str | None:
    """The language of a text, one of the 23 known ones; None where none can be told."""
    found: str = eldc.detect(text)
    return {"und": None, "no": "nb"}.get(found, found)
