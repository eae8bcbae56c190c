"""What a search's text means: words, phrases, what is not wanted, and the codes that words stand for."""

import pytest

from pendler.esco import isco_uri
from pendler.searchable import Searchable, fits, held_terms
from pendler.terms import terms
from pendler.wanted import wanted
from pendler.wording import understood, wording
from schemas.query import Query
from schemas.vacancy import Status


def ad(title: str, body: str = "", language: str | None = "nl", *codes: str) -> Searchable:
    occupations = frozenset(map(isco_uri, codes))
    texts = tuple(terms(title, language)), tuple(terms(body, language))
    return Searchable("s:1", 1, Status.ACTIVE, "s", *texts, occupations=occupations)


@pytest.mark.parametrize(
    ("asked", "title", "language", "found"),
    [
        ("kok nacht", "Kok voor de nacht", "nl", True),
        ('"nacht kok"', "Kok voor de nacht", "nl", False),
        ('"kok voor"', "Kok voor de nacht", "nl", True),
        ("„Kok voor“", "Kok voor de nacht", "nl", True),
        ("«kok voor»", "Kok voor de nacht", None, True),
        ('"de constructielasser in"', "Voor de constructielasser in Gent", "nl", True),
        ('"de lasser"', "Voor de constructielasser in Gent", "nl", False),
        ('"constructielasser gent"', "Voor de constructielasser in Gent", "nl", False),
        ('"koks"', "Kok gezocht", "nl", False),
        ("koks", "Kok gezocht", "nl", True),
        ("kok -nacht", "Kok voor de nacht", "nl", False),
        ("kok -dag", "Kok voor de nacht", "nl", True),
        ("kok -nachten", "Kok voor de nacht", "nl", False),
        ('kok -"de nacht"', "Kok voor de nacht", "nl", False),
        ('kok -"nacht de"', "Kok voor de nacht", "nl", True),
        ("-kok", "Bakker", "nl", True),
        ("tig-lasser", "TIG-lasser", "nl", True),
        ("kok - nacht", "Kok voor de nacht", "nl", True),
        ('"', "Kok", "nl", True),
        ('"kok', "Kok", "nl", True),
        ('-""', "Kok", "nl", True),
    ],
)
def test_a_text_is_as_wanted(asked: str, title: str, language: str | None, found: bool) -> None:
    for one in (ad(title, language=language), ad("", title, language)):
        assert fits(wanted(Query(q=asked, lang="nl")), one, held_terms(one)) is found


@pytest.mark.parametrize(
    ("asked", "lang", "group"),
    [
        ("waiter", "en", "5131"),
        ("serveur", "fr", "5131"),
        ("Kellnerin", None, "5131"),
        ("lassers", "nl", "7212"),
        ("registered nurse", "en", "2221"),
        ("sjuksköterskor", "sv", "2221"),
    ],
)
def test_a_word_finds_what_is_coded_with_what_it_names(asked: str, lang: str | None, group: str) -> None:
    coded, other = ad("Medarbetare sökes", "", "sv", group), ad("Medarbetare sökes", "", "sv", "9112")
    asking = wanted(Query(q=asked, lang=lang))
    assert fits(asking, coded, held_terms(coded))
    assert not fits(asking, other, held_terms(other))
    without = wanted(Query(q=asked, lang=lang, also=("no",)))
    assert not fits(without, coded, held_terms(coded))


def test_what_words_stand_for_is_kept_with_the_query() -> None:
    query = understood(Query(q="nacht lasser", lang="nl"))
    assert query.also == (f"lasser={isco_uri('7212')}",)
    assert understood(query) is query
    assert wording(Query.parse(query.pairs())).words == wording(Query(q="nacht lasser", lang="nl")).words


def test_a_word_of_one_s_own_language_means_that() -> None:
    """`chef` is somebody else in English and in Danish."""
    mine = {str(one) for one in wording(Query(q="kok", lang="nl")).meanings}
    assert mine == {f"kok={isco_uri('5120')}"}


def test_each_word_beside_what_a_phrase_of_it_means_stays_wanted() -> None:
    one = ad("Sjuksköterska", "natt", "sv", "2221")
    assert fits(wanted(Query(q="registered nurse natt", lang="en")), one, held_terms(one))
    assert not fits(wanted(Query(q="registered nurse dag", lang="en")), one, held_terms(one))
