"""Words as the index, the query and the alerts see them: folding, tokens, stems that stay in their language."""

import sys
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pendler.esco import lexicon
from pendler.terms import heads, terms, terms_of
from pendler.text import LONGEST_WORD, STEMMERS, fold, sought, words

LANGUAGES = [None, *STEMMERS]
EUROPEAN = st.characters(max_codepoint=0x24F, categories=("Lu", "Ll"))
WORDS = st.text(EUROPEAN, min_size=1, max_size=30)
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("Lasser", "lasser"),
        ("Ingénieur", "ingenieur"),
        ("INGÉNIEUR", "ingenieur"),
        ("Inge\u0301nieur", "ingenieur"),
        ("Åse", "ase"),
        ("\u212bse", "ase"),
        ("Straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("Ørsted", "orsted"),
        ("Ǿ", "o"),
        ("Æble", "aeble"),
        ("Ǽ", "ae"),
        ("Œuvre", "oeuvre"),
        ("Đorđe Łódź", "dorde lodz"),
        ("Þór Sigurðsson", "thor sigurdsson"),
        ("Köche", "koche"),
        ("İstanbul", "istanbul"),
        ("Iğdır", "igdır"),
        ("ﬁlm", "film"),
        ("𝐋𝐚𝐬𝐬𝐞𝐫", "lasser"),
        ("ＴＩＧ", "tig"),
        ("👩‍⚕️", "👩‍⚕️".replace("\ufe0f", "")),
        ("a\0b", "a\0b"),
        ("é" * 10_000, "e" * 10_000),
    ],
    ids=lambda one: ascii(one[:20]),
)
def test_folds_case_and_accents(text: str, folded: str) -> None:
    assert fold(text).replace("\ufe0f", "") == folded


def test_folding_what_is_folded_changes_nothing() -> None:
    for start in range(0, sys.maxunicode + 1, 64):
        once = fold(" ".join(map(chr, range(start, start + 64))))
        assert fold(once) == once


def test_folding_ignores_how_a_letter_is_written() -> None:
    assert {fold(form) for form in ("Å", "A\u030a", "\u212b", "å")} == {"a"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\0", []),
        ("Lasser gezocht!", ["lasser", "gezocht"]),
        ("C++ en C#", ["c++", "en", "c#"]),
        ("C/C++-ontwikkelaar", ["c", "c++", "ontwikkelaar"]),
        ("A+B", ["a", "b"]),
        ("R&D", ["r", "d"]),
        ("#1 + 2", ["1", "2"]),
        (".NET", ["net"]),
        ("TIG-lasser", ["tig", "lasser"]),
        ("social- og sundhedsassistent", ["social", "og", "sundhedsassistent"]),
        ("l'infirmière d’accueil", ["l", "infirmière", "d", "accueil"]),
        ("butcher's", ["butcher", "s"]),
        ("snake_case", ["snake", "case"]),
        ("24/7", ["24", "7"]),
        ("(m/w/d)", ["m", "w", "d"]),
        ("Infirmie\u0300re", ["infirmière"]),
        ("İstanbul", ["istanbul"]),
        ("👩‍⚕️ nurse 🚑", ["nurse"]),
        ("a\0b", ["a", "b"]),
        ("中文", ["中文"]),
        ("ﷺ", ["صلى", "الله", "عليه", "وسلم"]),
        ("\uff9e", []),
        ("𝐋𝐚𝐬𝐬𝐞𝐫", ["lasser"]),
    ],
    ids=lambda one: ascii(one)[:30],
)
def test_cuts_a_text_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_word_without_end_is_cut() -> None:
    assert words("x" * 10_000) == ["x" * LONGEST_WORD]
    assert words("æ" * 100 + " kok") == ["æ" * LONGEST_WORD, "kok"]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "nl", []),
        ("Lassen", None, ["lassen"]),
        ("Lassen", "de", ["lassen", "de:lass"]),
        ("Lassen", "xx", ["lassen"]),
        ("Infirmières", "fr", ["infirmieres", "fr:infirmi"]),
        ("kok kok", None, ["kok", "kok"]),
        ("constructielasser", None, ["constructielasser", "lasser"]),
        ("Rohrschweißer", None, ["rohrschweisser", "schweisser"]),
        ("barnsjuksköterska", None, ["barnsjukskoterska", "sjukskoterska"]),
    ],
)
def test_a_text_has_its_words_their_stems_and_the_occupation_a_compound_ends_in(
    text: str, language: str | None, expected: list[str]
) -> None:
    assert terms(text, language) == expected


@patient
@given(st.lists(st.one_of(st.text(), st.sampled_from(" \u0301\u0345\u03a3\u00a8\xa0+#İ")), max_size=8).map("".join))
def test_the_terms_of_a_text_are_those_of_its_words(text: str) -> None:
    whole = [term for word in words(text) for term in terms(word, "nl")]
    assert terms(text, "nl") == whole


@pytest.mark.parametrize(
    ("asked", "text", "language", "met"),
    [
        ("lasser", "Constructielasser gezocht", "nl", True),
        ("lassers", "Wij zoeken een lasser", "nl", True),
        ("infirmière", "Infirmiers de nuit", "fr", True),
        ("LASSER", "lasser", "nl", True),
        ("ingenieur", "Ingénieur mécanique", "fr", True),
        ("c++", "C++ developer", "en", True),
        ("c", "C++ developer", "en", False),
        ("lassen", "Ich lasse dich", "de", True),
        ("lasser", "gelassen", "nl", False),
        ("asser", "constructielasser", "nl", False),
        ("nurse", "𝐍𝐮𝐫𝐬𝐞𝐬 𝐰𝐚𝐧𝐭𝐞𝐝", "en", True),
    ],
)
def test_a_searched_word_meets_a_text_of_its_language(asked: str, text: str, language: str, met: bool) -> None:
    assert (not set(sought(asked, language)).isdisjoint(terms(text, language))) is met


@pytest.mark.parametrize(
    ("asked", "asked_in", "text", "written_in"),
    [
        ("lasser", "nl", "Lassen Sie uns reden", "de"),
        ("lassen", "nl", "lasse", "de"),
        ("lass", None, "Lassen Sie uns reden", "de"),
        ("kokken", "nb", "kokke", "da"),
        ("nurses", "en", "nurser", "sv"),
        ("commerciale", "fr", "commercial", "en"),
    ],
)
def test_the_stem_of_one_language_never_meets_a_word_of_another(
    asked: str, asked_in: str | None, text: str, written_in: str
) -> None:
    assert set(sought(asked, asked_in)).isdisjoint(terms(text, written_in))


@patient
@given(WORDS, st.sampled_from(sorted(STEMMERS)), st.sampled_from(LANGUAGES))
def test_only_whole_words_are_shared_between_languages(word: str, one: str, other: str | None) -> None:
    shared = set(terms(word, one)) & set(terms(word, other)) if one != other else set()
    assert all(":" not in term for term in shared)


@patient
@given(st.lists(WORDS | st.text(max_size=20), max_size=4), st.data(), st.sampled_from(LANGUAGES))
def test_whatever_is_sought_for_a_word_is_in_a_text_that_has_it(
    around: Sequence[str], data: st.DataObject, language: str | None
) -> None:
    text = " ".join(around)
    for word in words(data.draw(st.sampled_from(around)) if around else ""):
        assert set(sought(word, language)) <= set(terms(text, language))


@patient
@given(WORDS, st.sampled_from(LANGUAGES))
def test_case_and_punctuation_do_not_matter(word: str, language: str | None) -> None:
    plain = terms(word.lower(), language)
    assert set(terms(f"«{word}», ", language)) >= set(plain)


@patient
@given(st.text(), st.sampled_from(LANGUAGES))
def test_any_text_has_terms(text: str, language: str | None) -> None:
    found = terms(text, language)
    assert all(term and term == "".join(term.split()) and term.count(":") <= 1 for term in found)
    assert bool(found) is bool(words(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_word_of_each_title_is_found_by_itself(language: str | None) -> None:
    for word in {word for title in lexicon().titles() for word in title.split()}:
        assert set(sought(word, language)) <= set(terms_of(language)[word])


def test_compounds_end_in_titles_of_one_word_that_are_long_enough() -> None:
    assert {"lasser", "schweisser", "sjukskoterska", "svejser"} <= heads()
    assert {"kok", "kock", "tig lasser"}.isdisjoint(heads())
    assert all(len(head) >= 5 and head == fold(head) for head in heads())
