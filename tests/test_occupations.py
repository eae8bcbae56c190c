"""Titles and codes to occupations: what an advertisement is called in seven languages, and what codes do to that."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pendler.esco import PREFIX, isco_uri, lexicon, normal
from pendler.searchable import SURE
from schemas.vacancy import Occupation, OccupationCode
from services.match.occupations import MOST, classify

ISCO, ESCO = "ISCO-08", "ESCO"
LANGUAGES = ("en", "nl", "da", "de", "fr", "sv", "nb")


def called(*titles: tuple[str | None, str], codes: Sequence[OccupationCode] = ()) -> list[Occupation]:
    return classify(titles, codes, lexicon())


def code(scheme: str, value: str) -> OccupationCode:
    return OccupationCode(scheme=scheme, code=value)


def uri_of(title: str, language: str = "en") -> str:
    return lexicon().titled(normal(title))[language]


@pytest.mark.parametrize(
    ("language", "title", "label", "isco"),
    [
        ("en", "Welder", "welder", "7212"),
        ("en", "Senior welder (night shift)", "welder", "7212"),
        ("en", "Software Engineer (Java)", "software developer", "2512"),
        ("en", "HGV driver, Rotterdam", "truck driver", "8332"),
        ("en", "Registered nurse | Malmö", "nurse", "2221"),
        ("en", "Butcher's shop assistant", "butcher", "7511"),
        ("nl", "Lasser (m/v/x)", "welder", "7212"),
        ("nl", "Ervaren constructielasser", "welder", "7212"),
        ("nl", "Torenlasser", "welder", "7212"),
        ("nl", "Wijkverpleegkundige", "nurse", "2221"),
        ("nl", "Zelfstandig werkend kok", "cook", "5120"),
        ("nl", "Chauffeur CE", "truck driver", "8332"),
        ("nl", "Medior softwareontwikkelaar", "software developer", "2512"),
        ("nl", "Schoonmaker/schoonmaakster", "cleaner", "9112"),
        ("nl", "Leerkracht basisonderwijs - Gent", "primary school teacher", "2341"),
        ("da", "Sygeplejerske til natarbejde", "nurse", "2221"),
        ("da", "Social- og sundhedsassistent", "care assistant", "5321"),
        ("da", "SOSU-assistent søges", "care assistant", "5321"),
        ("da", "Udlært kok", "cook", "5120"),
        ("da", "PÆDAGOG TIL BØRNEHAVE", "early-years educator", "2342"),
        ("da", "Tømrersvend (m/k)", "carpenter", "7115"),
        ("de", "Schweißer (m/w/d)", "welder", "7212"),
        ("de", "SCHWEISSER m/w/d", "welder", "7212"),
        ("de", "Rohrschweißer", "welder", "7212"),
        ("de", "Pflegefachfrau / Pflegefachmann", "nurse", "2221"),
        ("de", "Elektroniker/in für Betriebstechnik", "electrician", "7411"),
        ("de", "Erzieher/-in", "early-years educator", "2342"),
        ("de", "Verkäufer:in", "shop assistant", "5223"),
        ("de", "Verkäufer*innen", "shop assistant", "5223"),
        ("de", "VerkäuferIn", "shop assistant", "5223"),
        ("de", "Kfz-Mechatroniker [w/m/d] 100 %", "car mechanic", "7231"),
        ("fr", "Soudeur (H/F)", "welder", "7212"),
        ("fr", "Infirmier(e)", "nurse", "2221"),
        ("fr", "Infirmier/infirmière de nuit", "nurse", "2221"),
        ("fr", "Serveur.se", "waiter", "5131"),
        ("fr", "Aide-soignant H/F", "care assistant", "5321"),
        ("fr", "Agent d’entretien", "cleaner", "9112"),
        ("fr", "Développeur logiciel confirmé", "software developer", "2512"),
        ("sv", "Legitimerad sjuksköterska", "nurse", "2221"),
        ("sv", "Barnsjuksköterska", "nurse", "2221"),
        ("sv", "Undersköterska till hemtjänsten", "care assistant", "5321"),
        ("sv", "Förskollärare 75%", "early-years educator", "2342"),
        ("sv", "Snickare & montör", "carpenter", "7115"),
        ("nb", "Sykepleier 80 %", "nurse", "2221"),
        ("nb", "Rørlegger/rørleggerlærling", "plumber", "7126"),
        ("nb", "Lastebilsjåfør – fast stilling", "truck driver", "8332"),
        ("nb", "Barnehagelærer", "early-years educator", "2342"),
        (None, "Sjuksköterska", "nurse", "2221"),
        ("de", "Software Engineer", "software developer", "2512"),
    ],
)
def test_a_title_names_its_occupation(language: str | None, title: str, label: str, isco: str) -> None:
    first, *_ = called((language, title))
    assert (first.label, first.isco) == (label, isco)
    assert first.uri == uri_of(label)
    assert first.score >= SURE
    assert first.evidence


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_title_of_the_lexicon_names_its_occupation(language: str) -> None:
    mistaken = {}
    for title in lexicon().titles():
        expected = lexicon().titled(title).get(language)
        if expected and expected not in {one.uri for one in called((language, title)) if one.score > 0.96}:
            mistaken[title] = called((language, title))
    assert mistaken == {}


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Time traveller"),
        ("en", "Wizard in residence"),
        ("en", "Join our team!"),
        ("nl", "Ruimtevaarder"),
        ("nl", "Wij zoeken jou"),
        ("nl", "Asser"),
        ("da", "Hofnar"),
        ("de", "Quereinsteiger gesucht (m/w/d)"),
        ("fr", "Sorcier (H/F)"),
        ("sv", "Rymdfarare"),
        ("nb", "Vi søker deg"),
        (None, "XJ-9000"),
    ],
)
def test_an_unknown_title_gives_nothing_rather_than_a_guess(language: str | None, title: str) -> None:
    assert called((language, title)) == []


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (("nl", "Lasser"), ("nl", "Ervaren lasser")),
        (("nl", "Ervaren lasser"), ("nl", "Torenlasser")),
        (("nl", "Lasser"), ("de", "Lasser")),
        (("en", "Warehouse Operative"), ("de", "Warehouse Operative")),
    ],
)
def test_the_more_of_a_title_is_understood_the_surer_it_is(better: tuple[str, str], worse: tuple[str, str]) -> None:
    assert called(better)[0].uri == called(worse)[0].uri
    assert called(better)[0].score > called(worse)[0].score


def test_each_title_of_an_advertisement_counts_and_the_surest_is_kept() -> None:
    (one,) = called(("nl", "Torenlasser"), ("de", "Schweißer"), ("fr", "Soudeur expérimenté"))
    assert (one.label, one.score, one.method) == ("welder", 0.97, "title")
    assert {one.label for one in called(("nl", "Kok / ober"))} == {"cook", "waiter"}


def test_an_esco_code_of_the_source_is_believed_before_any_title() -> None:
    first, *others = called(("nl", "Lasser"), codes=[code(ESCO, uri_of("cook"))])
    assert (first.uri, first.isco, first.score, first.method) == (uri_of("cook"), "5120", 1.0, "esco-code")
    assert uri_of("welder") in {one.uri for one in others}


def test_an_esco_code_that_this_pack_has_not_is_kept() -> None:
    unknown = f"{PREFIX}occupation/00000000-0000-0000-0000-000000000000"
    first, *_ = called(("nl", "Lasser"), codes=[code(ESCO, unknown)])
    assert (first.uri, first.isco, first.score) == (unknown, "", 1.0)


@pytest.mark.parametrize("given", [code(ISCO, "7212"), code(ISCO, "72"), code(ESCO, isco_uri("7212"))], ids=str)
def test_a_title_within_the_isco_group_of_the_source_is_nearly_sure(given: OccupationCode) -> None:
    first, second = called(("nl", "Torenlasser"), codes=[given])
    assert first.uri == uri_of("welder")
    assert first.score >= 0.9 > called(("nl", "Torenlasser"))[0].score
    assert first.method == "compound+isco-code"
    assert second.method == "isco-code"


@pytest.mark.parametrize("title", ["Kok", "Ervaren kok", "Instellingskok"])
def test_a_title_that_contradicts_the_isco_code_loses(title: str) -> None:
    first, *others = called(("nl", title), codes=[code(ISCO, "7212")])
    assert (first.uri, first.isco, first.label) == (isco_uri("7212"), "7212", "ISCO 7212")
    assert first.score >= SURE
    assert all(one.score < SURE for one in others)


def test_without_a_title_the_isco_group_is_the_answer() -> None:
    (one,) = called(codes=[code(ISCO, "2221")])
    assert (one.uri, one.method) == (isco_uri("2221"), "isco-code")


def test_an_esco_code_outside_the_isco_group_is_believed_all_the_same() -> None:
    first, *_ = called(codes=[code(ISCO, "7212"), code(ESCO, uri_of("cook"))])
    assert (first.uri, first.score) == (uri_of("cook"), 1.0)


@pytest.mark.parametrize(
    "given",
    [
        code(ISCO, "abcd"),
        code(ISCO, "72123"),
        code(ISCO, "७२१२"),
        code(ISCO, "7212\n"),
        code(ISCO, "-1"),
        code("ISCO-88", "7212"),
        code("SSYK-2012", "7212"),
        code(ESCO, "7212"),
        code(ESCO, "http://example.org/esco/occupation/x"),
        code(ESCO, f"{PREFIX}skill/1"),
        code(ESCO, f"{PREFIX}isco/C72123"),
        code(ESCO, f"{PREFIX}isco/C७"),
        code("", "7212"),
    ],
    ids=lambda one: ascii(f"{one.scheme} {one.code}"),
)
def test_a_code_that_is_none_changes_nothing(given: OccupationCode) -> None:
    assert called(codes=[given]) == []
    assert called(("nl", "Lasser"), codes=[given]) == called(("nl", "Lasser"))


@pytest.mark.parametrize(
    "title",
    [
        "",
        " ",
        "()",
        "(" * 500,
        "(" * 250 + ")" * 250,
        "/" * 500,
        " - " * 160,
        "m/w/d",
        "100 %",
        "\0",
        "🔥🔥🔥",
        "\u202egnihtemos",
        "x" * 500,
        "x " * 250,
        "a/" * 250,
        "1234567890",
        "½ ﷺ ⒈",
    ],
    ids=lambda one: ascii(one)[:20],
)
def test_rubbish_is_no_occupation_and_takes_no_time(title: str) -> None:
    began = time.monotonic()
    assert called(("en", title)) == []
    assert time.monotonic() - began < 2


def assert_in_order(found: Sequence[Occupation]) -> None:
    assert len(found) <= MOST == 20
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(0 <= one.score <= 1 for one in found)
    assert len({one.uri for one in found}) == len(found)


def test_no_more_than_twenty_are_given() -> None:
    everything = ", ".join([*lexicon().titles()][:1000])
    found = called(("en", everything), codes=[code(ISCO, str(n)) for n in range(1, 10)])
    assert len(found) == MOST
    assert_in_order(found)
    assert len(classify([("en", everything)], [], lexicon(), limit=3)) == 3


PIECES = st.sampled_from([*sorted(lexicon().titles()), "/", "(m/w/d)", " - ", "senior"])
TITLES = st.lists(
    st.tuples(
        st.sampled_from([None, *LANGUAGES, "xx"]),
        st.text(max_size=40) | st.lists(PIECES, max_size=6).map(" ".join),
    ),
    max_size=3,
)
CODES = st.lists(
    st.builds(
        code,
        st.sampled_from([ISCO, ESCO, "x"]),
        st.from_regex(r"[0-9]{1,4}", fullmatch=True)
        | st.sampled_from([uri_of("cook"), uri_of("nurse"), isco_uri("72"), isco_uri("2221")]),
    ),
    max_size=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TITLES, CODES)
def test_whatever_comes_the_answer_is_in_order(
    titles: Sequence[tuple[str | None, str]], codes: Sequence[OccupationCode]
) -> None:
    found = called(*titles, codes=codes)
    assert_in_order(found)
    assert found == called(*titles, codes=codes), "the same each time"


def test_titles_are_compared_without_case_accents_and_marks() -> None:
    assert normal("  Ingénieur–MÉCANIQUE ") == "ingenieur mecanique"
    assert called(("fr", "INGENIEUR  MECANIQUE")) == called(("fr", "ingénieur mécanique"))
