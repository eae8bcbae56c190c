"""In which language advertisements are written: tags, long texts, titles at home and abroad, two at once."""

import pytest

from schemas.vacancy import Profile
from services.match.language import detect, language_of, written_in

DUTCH = "Wij zoeken een ervaren verpleegkundige voor ons team in Terneuzen, met hart voor de bewoners."
FRENCH = "Nous recherchons une infirmière expérimentée pour notre équipe, avec un bon sens de l'écoute."
TEXTS = [
    # text, country, language
    (DUTCH, None, "nl"),
    (FRENCH, "BE", "fr"),
    ("Vi søger en erfaren sygeplejerske til vores afdeling i Aabenraa, gerne med dansk autorisation.", "DE", "da"),
    ("Vi søker en erfaren sykepleier til vår avdeling i Halden, gjerne med norsk autorisasjon.", "SE", "nb"),
    ("Vi søkjer ein sjukepleiar som ikkje er redd for å ta i eit tak, med erfaring frå heimetenesta.", None, "nb"),
    ("Mir sichen eng Persoun fir eist Team. Dir schwätzt Lëtzebuergesch a schafft gär mat Leit.", "LU", "lb"),
    ("Wir suchen eine Pflegefachkraft für unser Haus in Luxemburg und freuen uns auf Ihre Bewerbung.", "LU", "de"),
    ("Hledáme zkušeného řidiče nákladního auta pro vnitrostátní dopravu, nástup ihned.", "SK", "cs"),
    ("Electrician", "DK", "en"),
    ("Elektriker", "DK", "da"),
    ("Elektriker", "SE", "sv"),
    ("Krankenpfleger", "NL", "de"),
    ("Verpleegkundige", "BE", "nl"),
    ("Infirmier", "BE", "fr"),
    ("Učitel", "CZ", "cs"),
    ("Učiteľ", "SK", "sk"),
    ("", "DK", None),
    ("1234 !!", "DK", None),
    ("🔥🔥", None, None),
    ("\0", None, None),
]


@pytest.mark.parametrize(("text", "country", "language"), TEXTS)
def test_the_language_of_a_text(text: str, country: str | None, language: str | None) -> None:
    assert detect(text, country) == language


def test_its_own_tag_comes_first() -> None:
    assert language_of(Profile(language="sv", title=DUTCH)) == "sv"
    assert language_of(Profile(title="Job", text=DUTCH)) == "nl"


def test_an_advertisement_may_be_in_two_languages() -> None:
    both = Profile(title="Verpleegkundige / infirmier", text=f"{DUTCH}\n\n{FRENCH}")
    assert set(written_in(both, "nl")) == {"nl", "fr"}
    assert written_in(both, "nl")[0] == "nl"
    assert written_in(Profile(title="Verpleegkundige", text=DUTCH), "nl") == ("nl",)
    assert written_in(Profile(title="x"), None) == ()
