"""Our own skills: enough of them, each name once, found in running text, and nothing where nothing is said."""

from collections import Counter

import pytest

from services.match.coding import open_coder
from services.match.own_skills import LANGUAGES, labels, spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_hundred_skills_and_every_name_means_one(language: str) -> None:
    assert len(labels()) >= 300
    names = Counter(name for one in labels().values() for name in one[language])
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("language", "text", "skills"),
    [
        ("da", "Du har truckcertifikat og kender lagerstyring.", {"operate forklift", "monitor stock level"}),
        ("da", "Vi søger en kollega til rengøring og opvask.", {"clean surfaces", "wash the dishes"}),
        ("da", "Du overholder tidsfristerne", {"meet deadlines"}),
        ("nb", "Erfaring med sveising og tunge løft.", {"operate welding equipment", "lift heavy weights"}),
        ("nb", "Gode kunnskaper i Excel og regnskap", {"use spreadsheets software", "manage accounts"}),
        ("nb", "", set()),
        ("da", "🔥🔥 " * 3000, set()),
        ("en", "welding", set()),
        ("xx", "svejsning", set()),
    ],
)
def test_skills_of_a_text(language: str, text: str, skills: set[str]) -> None:
    found = spoken(text, language)
    assert {labels()[one.uri]["en"][0] for one in found} >= skills
    assert skills or not found
    assert all(one.evidence and 0 < one.score <= 1 for one in found)


def test_the_lexicon_gives_them() -> None:
    [[first, *_], nothing] = open_coder(None).skills([("da", "kørsel med gaffeltruck"), (None, "gaffeltruck")])
    assert first.label == "gaffeltruck"
    assert nothing == []
