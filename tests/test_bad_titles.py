"""Titles, codes and packs as they should not be: an answer of lower confidence or a clear error, never an exception."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pendler.esco import PREFIX, lexicon
from pendler.esco.stored import BadPack, Stored
from schemas.vacancy import OccupationCode
from services.match.coding import Asked, Coder, LexiconCoder, open_coder
from services.match.learned import PackCoder
from tests.test_packs import official, pack

__all__ = ["official", "pack"]
TITLES = {
    "empty": "",
    "blank": " \t\n",
    "one letter": "x",
    "one word": "Lasser",
    "capitals": "LASSER (M/V)",
    "emoji": "🔥🔥 Lasser 🔥🔥",
    "only emoji": "🧑‍🏭",
    "only marks": "(m/w/d) 100 % !!! ///",
    "10,000 letters": "x" * 10_000,
    "10,000 words": "lasser " * 10_000,
    "another language": "Сварщик на завод",
    "right to left": "عامل لحام",
    "control signs": "lasser\0\x1b[31m",
    "half a surrogate": "lasser \udcff",
    "combining": "l" + "\u0301" * 500,
    "slashes": "a/" * 5000,
    "markup": "<b>lasser</b> <script>",
}
CODES = {
    "unknown scheme": OccupationCode(scheme="MOON", code="1"),
    "retired": OccupationCode(scheme="ESCO", code=f"{PREFIX}occupation/00000000-0000-0000-0000-000000000000"),
    "no URI": OccupationCode(scheme="ESCO", code="welder"),
    "ISCO of letters": OccupationCode(scheme="ISCO-08", code="72xx"),
    "ISCO too long": OccupationCode(scheme="ISCO-08", code="721234"),
    "no such ISCO": OccupationCode(scheme="ISCO-08", code="9999"),
    "national": OccupationCode(scheme="SSYK", code="7212"),
}


@pytest.fixture(params=["lexicon", "pack", "pack unranked"])
def coder(request: pytest.FixtureRequest, pack: Path) -> Coder:
    kind = request.param
    return open_coder(None) if kind == "lexicon" else PackCoder(pack, ranked=kind == "pack")


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("language", ["nl", "en", "xx", None])
def test_whatever_the_title_there_is_an_answer(coder: Coder, title: str, language: str | None) -> None:
    [found] = coder.classify([Asked([(language, title)])])
    assert all(0 <= one.score <= 1 and one.uri and one.evidence for one in found)
    assert isinstance(coder.skills([(language, title)]), list)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_whatever_the_code_the_title_still_counts(coder: Coder, code: OccupationCode) -> None:
    [plain] = coder.classify([Asked([("en", "baker master")])])
    [coded] = coder.classify([Asked([("en", "baker master")], [code])])
    assert {one.uri for one in plain[:1]} <= {one.uri for one in coded}


def test_what_the_lexicon_has_not_is_less_sure_than_what_it_has() -> None:
    coder = LexiconCoder(lexicon())

    def sure(language: str, title: str) -> float:
        [found] = coder.classify([Asked([(language, title)])])
        return found[0].score if found else 0.0

    assert sure("nl", "Lasser") > sure("nl", "Lasserinatoor") > sure("nl", "Сварщик")
    assert sure("nl", "Lasser") > sure("nl", "Schweißer"), "a title in another language than it says"


def test_a_group_where_no_occupation_is_known_and_a_branch_last() -> None:
    [found] = LexiconCoder(lexicon()).classify([Asked([("de", "Kesselflickmeister")])])
    assert all("/isco/C" in one.uri and one.method.startswith("likeness") for one in found)
    kinds: Sequence[int] = [len(one.isco) for one in found]
    assert kinds == sorted(kinds, reverse=True)


def test_what_a_batch_holds_does_not_change_an_answer(coder: Coder) -> None:
    titles = [Asked([("en", f"{one} master")]) for one in ("weld", "bake", "dive")] + [Asked([("en", "")])]
    together = coder.classify(titles, 5)
    shuffled = random.Random(1).sample(range(len(titles)), len(titles))
    again = coder.classify([titles[n] for n in shuffled], 5)
    assert [again[shuffled.index(n)] for n in range(len(titles))] == together
    assert [coder.classify([one], 5)[0] for one in titles] == together


@pytest.mark.parametrize("wrong", ["missing", "a file", "empty"])
def test_a_folder_that_is_no_pack_says_so(tmp_path: Path, wrong: str) -> None:
    folder = tmp_path / "100"
    if wrong == "a file":
        folder.write_text("")
    elif wrong == "empty":
        folder.mkdir()
    with pytest.raises(BadPack, match="100"):
        Stored(folder)
