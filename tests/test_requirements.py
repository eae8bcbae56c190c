"""What advertisements ask for, in eight languages, and what they do not: denials, neighbours' names, boasts."""

import re

import pytest

from schemas.vacancy import Kind, Origin, Profile, Vacancy
from services.match.matching import told
from services.match.regulated import regulated
from services.match.requirements import findings
from services.match.tables import rows, words

L, D, E, X = "language", "licence", "education", "experience"
CASES = [
    # language, sentence, what is found: kind:value, level, ? where it is only wished for
    ("en", "Fluent English and German B2 are required.", "language:en/C1 language:de/B2"),
    ("en", "You speak Dutch; French is a plus.", "language:nl language:fr?"),
    ("en", "No German required.", ""),
    ("en", "English, German and French are a plus", "language:en? language:de? language:fr?"),
    ("en", "German is not required, but you are fluent in English.", "language:en/C1"),
    ("en", "You don't need to speak Danish.", ""),
    ("en", "A Danish company with English-speaking colleagues.", ""),
    ("en", "We are a German market leader with Dutch customers.", ""),
    ("en", "Driving licence category B is required", "licence:B"),
    ("en", "A driving licence is not necessary", ""),
    ("en", "Bachelor's degree in nursing", "education:ISCED6"),
    ("en", "No degree needed", ""),
    ("en", "At least 3 years of experience in sales", "experience:3"),
    ("en", "We have 12 years of experience in sales", ""),
    ("en", "No experience required", "experience:?"),
    ("en", "Hybrid work, night shifts", "remote:hybrid shift:night"),
    ("de", "Sehr gute Deutschkenntnisse (mindestens B2)", "language:de/B2"),
    ("de", "Englisch in Wort und Schrift", "language:en"),
    ("de", "Deutschkenntnisse sind nicht erforderlich.", ""),
    ("de", "Kein Deutsch erforderlich, Englisch fließend", "language:en/C1"),
    ("de", "Es ist nicht nötig, dass Sie Deutsch sprechen", ""),
    ("de", "Dänischkenntnisse von Vorteil", "language:da?"),
    ("de", "Führerschein Klasse B und CE", "licence:B licence:CE"),
    ("de", "Ein Führerschein ist nicht notwendig", ""),
    ("de", "Führerschein erforderlich", "licence:"),
    ("de", "Abgeschlossene Berufsausbildung als Elektroniker", "education:ISCED3"),
    ("de", "Mindestens 2 Jahre Berufserfahrung", "experience:2"),
    ("de", "Wir haben 10 Jahre Erfahrung", ""),
    ("de", "Keine Erfahrung notwendig", "experience:?"),
    ("de", "Bereitschaft zum Schichtdienst, Homeoffice möglich", "shift:shift remote:remote"),
    ("de", "Kein Homeoffice", ""),
    ("nl", "Je spreekt vloeiend Nederlands en Duits (B1).", "language:nl/C1 language:de/B1"),
    ("nl", "Kennis van het Nederlands is niet vereist.", ""),
    ("nl", "Een Duits bedrijf in Heerlen", ""),
    ("nl", "Frans is een pré", "language:fr?"),
    ("nl", "Rijbewijs B vereist", "licence:B"),
    ("nl", "Geen rijbewijs nodig", ""),
    ("nl", "Een afgeronde mbo-4 opleiding", "education:EQF4"),
    ("nl", "Thuiswerk is uitgesloten", ""),
    ("nl", "Minimaal 2 jaar ervaring als lasser", "experience:2"),
    ("nl", "Ervaring is niet nodig", "experience:?"),
    ("nl", "Werken in ploegendienst; seizoenswerk", "shift:shift seasonal:seasonal"),
    ("da", "Du taler flydende dansk og tysk på niveau B1", "language:da/C1 language:de/B1"),
    ("da", "Dansk er ikke et krav", ""),
    ("da", "Vi er en dansk virksomhed", ""),
    ("da", "Det er en fordel, hvis du taler tysk", "language:de?"),
    ("da", "Engelsk på niveau B2, og dansk er et plus", "language:en/B2 language:da?"),
    ("da", "Arbejdet foregår i butikken, aldrig hjemmefra", ""),
    ("da", "Kørekort kategori B er et krav", "licence:B"),
    ("da", "Kørekort er ikke nødvendigt", ""),
    ("da", "Du er faglært tømrer med 5 års erfaring", "education:ISCED3 experience:5"),
    ("da", "Erfaring er ikke nødvendig", "experience:?"),
    ("da", "Nattevagter og weekendvagter", "shift:night shift:weekend"),
    ("sv", "Du talar svenska flytande och har goda kunskaper i engelska", "language:sv/C1 language:en"),
    ("sv", "Svenska är inte ett krav", ""),
    ("sv", "Norska är meriterande", "language:nb?"),
    ("sv", "B-körkort är ett krav", "licence:B"),
    ("sv", "Körkort krävs ej", ""),
    ("sv", "Gymnasieutbildning och minst 2 års erfarenhet", "education:ISCED3 experience:2"),
    ("sv", "Ingen erfarenhet krävs", "experience:?"),
    ("sv", "Säsongsarbete med skiftarbete", "seasonal:seasonal shift:shift"),
    ("nb", "Du snakker flytende norsk og god engelsk, nivå B2", "language:nb/C1 language:en/B2"),
    ("nb", "Norsk er ikke et krav", ""),
    ("nb", "Erfaring fra norsk sokkel", ""),
    ("nb", "Førerkort klasse B", "licence:B"),
    ("nb", "Førerkort er ikke nødvendig", ""),
    ("nb", "Fagbrev som elektriker og 3 års erfaring", "education:ISCED3 experience:3"),
    ("nb", "Erfaring er ikke nødvendig", "experience:?"),
    ("nb", "Turnus med nattevakter", "shift:shift shift:night"),
    ("fr", "Vous parlez couramment français et allemand (niveau B2).", "language:fr/C1 language:de/B2"),
    ("fr", "La connaissance de l'allemand n'est pas exigée.", ""),
    ("fr", "Leader sur le marché allemand", ""),
    ("fr", "Le luxembourgeois est un atout, niveau A2", "language:lb/A2?"),
    ("fr", "Permis B exigé", "licence:B"),
    ("fr", "Permis de conduire non exigé", ""),
    ("fr", "Un permis de travail est nécessaire", ""),
    ("fr", "Titulaire d'un BTS ou bac+2", "education:ISCED5"),
    ("fr", "Le contrat vise le CAP, donc aucun bagage n'est demandé", ""),
    ("fr", "Garder le cap et le but", ""),
    ("fr", "Vous avez 2 ans d'expérience", "experience:2"),
    ("fr", "Aucune expérience n'est exigée", "experience:?"),
    ("fr", "Poste en télétravail, travail de nuit", "remote:remote shift:night"),
    ("lb", "Dir schwätzt Lëtzebuergesch, Franséisch an Däitsch", "language:lb language:fr language:de"),
    ("lb", "Lëtzebuergesch Niveau B2 ass néideg", "language:lb/B2"),
    ("lb", "Kee Lëtzebuergesch néideg", ""),
    ("lb", "Führerschäin B", "licence:B"),
    ("lb", "Keen Führerschäin néideg", ""),
    ("lb", "2 Joer Erfarung", "experience:2"),
]  # fmt: skip


def shown(language: str, text: str) -> list[str]:
    return sorted(
        f"{one.kind}:{one.value}{f'/{one.level}' if one.level else ''}{'' if one.required else '?'}"
        for one in findings(text, language)
    )


@pytest.mark.parametrize(("language", "text", "expected"), CASES)
def test_what_a_sentence_asks_for(language: str, text: str, expected: str) -> None:
    assert shown(language, text) == sorted(expected.split())


@pytest.mark.parametrize("language", ["en", "de", "nl", "da", "sv", "nb", "fr", "lb"])
def test_each_table_has_every_kind(language: str) -> None:
    table = words(language)
    assert table
    derived = {*table["phrases"], "language", "licence", "experience"}
    assert derived == {kind for kind in Kind if kind is not Kind.REGULATED}
    assert all(isinstance(word, str) for word in [*table["negation"], *table["wished"], *table["languages"]["asked"]])


def test_each_finding_shows_its_passage_and_is_told_once() -> None:
    text = "Aufgaben\n• Führerschein Klasse B\n• Englisch B2; Englisch erwünscht\nFührerschein nötig"
    [licence, english] = findings(text, "de")
    assert (licence.value, licence.evidence) == ("B", "Führerschein Klasse B")
    assert (english.value, english.level, english.evidence) == ("en", "B2", "Englisch B2")


def test_what_the_source_states_is_not_asked_of_the_text() -> None:
    profile = Profile(language="de", title="Lagerist", text="Führerschein Klasse B. Englisch B2 erforderlich.")
    vacancy = Vacancy(origin=Origin(external_id="1"), profiles=(profile,), licences=("C",))
    assert [one.kind for one in told(vacancy, ["de"])] == [Kind.LANGUAGE]


def test_work_is_regulated_where_the_table_says_so() -> None:
    assert [one.evidence.split(":")[0] for one in regulated("2221", {"DK"})] == ["nurse responsible for general care"]
    assert regulated("2221", {"US"}) == regulated("2512", {"DE"}) == regulated("", {"DE"}) == []
    assert regulated("7411", {"DE", "FR"})
    assert not regulated("7411", {"FR"})
    groups = [row["isco"] for row in rows("regulated")]
    assert len(groups) == len(set(groups)) >= 40
    assert all(re.fullmatch("[0-9]{4}", group) for group in groups)


@pytest.mark.parametrize("text", ["", "\0", "🔥" * 100, "B" * 100_000, "no " * 30_000, "English " * 20_000])
def test_rubbish_asks_for_nothing(text: str) -> None:
    assert findings(text, "en") == []
    assert findings(text, None) == findings(text, "pl") == []
