"""Where stated locations are: spellings of postcodes and towns all over Europe, and what stays unknown."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pendler.place_names import postcode_in
from pendler.places import Places, distance_km, open_places

POSTCODES = [
    # country, as spelt in advertisements, NUTS-3 (2024)
    ("NL", "4531AB", "NL341"),
    ("NL", "4531 ab", "NL341"),
    ("NL", "NL-4531 AB", "NL341"),
    ("NL", "4531", "NL341"),
    ("NL", "6211", "NL423"),
    ("SE", "SE-211 19", "SE224"),
    ("SE", "21119", "SE224"),
    ("SE", "S-211 19", "SE224"),
    ("LU", "L-4010", "LU000"),
    ("LU", "4010", "LU000"),
    ("DK", "6200", "DK032"),
    ("DK", "DK-6200", "DK032"),
    ("DE", "01067", "DED21"),
    ("DE", "1067", "DED21"),
    ("DE", "1067.0", "DED21"),
    ("DE", "D-52062", "DEA2D"),
    ("DE", "２４９３７", "DEF01"),
    ("BE", "B-4000", "BE332"),
    ("FR", "F-59000", "FRE11"),
    ("FR", "6400", "FRL03"),
    ("FR", "33074 CEDEX", "FRI12"),
    ("FR", "97400", "FRY40"),
    ("AT", "A-6020", "AT332"),
    ("CH", "CH-4001", "CH031"),
    ("CZ", "CZ-110 00", "CZ010"),
    ("SK", "811 01", "SK010"),
    ("PL", "66-400", "PL431"),
    ("PT", "1100-148", "PT1A0"),
    ("PT", "1100", "PT1A0"),
    ("EL", "GR-104 31", "EL303"),
    ("GR", "10431", "EL303"),
    ("NO", "NO-9008", "NO072"),
    ("NO", "247", "NO081"),
    ("FI", "FI-00100", "FI1B1"),
    ("FI", "100", "FI1B1"),
    ("LV", "LV-1010", "LV00A"),
    ("LT", "LT-01100", "LT011"),
    ("EE", "10111", "EE001"),
    ("IT", "39100", "ITH10"),
    ("IT", "118", "ITI43"),
    ("ES", "8001", "ES511"),
    ("RO", "010011", "RO321"),
    ("RO", "10011", "RO321"),
    ("BG", "1000", "BG411"),
    ("HR", "HR-10000", "HR050"),
    ("SI", "SI-1000", "SI041"),
    ("HU", "H-9021", "HU221"),
    ("IE", "D02 X285", "IE061"),
    ("MT", "VLT 1117", "MT001"),
    ("IS", "101", "IS001"),
    ("LI", "FL-9490", "LI000"),
    ("CY", "1010", "CY000"),
]

TOWNS = [
    # country, postcode, town, NUTS-3, latitude, longitude
    ("DK", None, "København", None, 55.68, 12.57),
    ("DK", None, "Kobenhavn K", None, 55.68, 12.57),
    ("DK", None, "Kopenhagen", None, 55.68, 12.57),
    ("DK", "6200", "Aabenraa", "DK032", 55.04, 9.42),
    ("DK", None, "Åbenrå", None, 55.04, 9.42),
    ("DK", None, "Apenrade", None, 55.04, 9.42),
    ("DK", None, "Århus C", None, 56.16, 10.20),
    ("DE", "24937", "Flensborg", "DEF01", 54.78, 9.44),
    ("DE", "52062", "Aken", "DEA2D", 50.78, 6.08),
    ("DE", None, "Aix-la-Chapelle", None, 50.78, 6.08),
    ("DE", None, "Koeln", None, 50.94, 6.96),
    ("DE", "85049", "Ingolstadt, Donau", "DE211", 48.76, 11.42),
    ("DE", "60311", "Frankfurt am Main", "DE712", 50.11, 8.68),
    ("DE", None, "Frankfurt a. M.", None, 50.11, 8.68),
    ("DE", "15230", "Frankfurt", "DE403", 52.34, 14.55),
    ("DE", None, "79098 Freiburg im Breisgau", "DE131", 47.99, 7.85),
    ("DE", None, "Hamburg-Altona", "DE600", 53.55, 9.94),
    ("DE", None, "Stadt Görlitz", None, 51.15, 14.99),
    ("BE", "4000", "Luik", "BE332", 50.63, 5.57),
    ("BE", None, "Liège", None, 50.63, 5.57),
    ("BE", None, "LÜTTICH", None, 50.63, 5.57),
    ("BE", None, "Bruxelles (Ixelles)", "BE100", 50.85, 4.35),
    ("BE", "9100", "Saint-Nicolas", "BE236", 51.17, 4.14),
    ("FR", "59000", "Rijsel", "FRE11", 50.63, 3.06),
    ("FR", None, "LILLE CEDEX 9", None, 50.63, 3.06),
    ("FR", None, "06 - CANNES", "FRL03", 43.55, 7.01),
    ("FR", None, "93 - ST DENIS", "FR106", 48.94, 2.36),
    ("RE", "97400", "Saint-Denis", "FRY40", -20.88, 55.45),
    ("SE", "211 19", "Malmö kommun", "SE224", 55.61, 13.00),
    ("SE", None, "Gothenburg", None, 57.71, 11.97),
    ("SE", None, "Göteborgs Stad", None, 57.71, 11.97),
    ("SE", None, "STOCKHOLM", "SE110", 59.33, 18.07),
    ("NO", "9008", "Tromsoe", "NO072", 69.65, 18.96),
    ("FI", "00100", "Helsingfors", "FI1B1", 60.17, 24.94),
    ("AX", "22100", "Mariehamn", "FI200", 60.10, 19.94),
    ("NL", "4531 AB", "Terneuzen", "NL341", 51.34, 3.83),
    ("NL", None, "'s-Hertogenbosch", None, 51.69, 5.30),
    ("NL", None, "Den Haag", None, 52.08, 4.30),
    ("LU", "L-4010", "Esch-sur-Alzette", "LU000", 49.50, 5.98),
    ("AT", "3100", "St. Pölten", "AT123", 48.20, 15.62),
    ("AT", None, "Sint Poelten", None, 48.20, 15.62),
    ("CH", "4001", "Bâle", "CH031", 47.56, 7.58),
    ("IT", None, "Milano (MI)", None, 45.46, 9.19),
    ("IT", "39100", "Bozen", "ITH10", 46.49, 11.34),
    ("ES", None, "Donostia", None, 43.31, -1.98),
    ("PT", None, "Lisboa", None, 38.72, -9.14),
    ("PL", None, "Łódź", None, 51.76, 19.46),
    ("PL", "66-400", "Gorzow Wielkopolski", "PL431", 52.74, 15.23),
    ("CZ", None, "Praha 4", "CZ010", 50.08, 14.43),
    ("EL", "104 31", "Αθήνα", "EL303", 37.98, 23.73),
    ("BG", None, "София", None, 42.70, 23.32),
    ("RO", None, "București", None, 44.43, 26.10),
    ("HU", "9021", "Győr", "HU221", 47.68, 17.63),
    ("IE", "D02 X285", "Dublin 2", "IE061", 53.34, -6.26),
    ("UK", None, "Belfast", None, 54.60, -5.93),
    ("GB", "BT48 6AA", "Derry", None, 55.00, -7.32),
    (None, None, "Flensburg", None, 54.78, 9.44),
]

UNKNOWN = [
    ("DE", None, "Nirgendwo an der Knatter"),
    ("DE", None, "Bundesweit"),
    ("SE", None, "Hela Sverige"),
    ("US", "10001", "New York"),
    ("Germany", "52062", "Aachen"),
    ("NL", "B-4531", None),  # a Belgian code
    ("DE", "123", None),
    ("FR", None, "Nancy-sur-Nulle-Part"),
    ("FR", None, "12 rue de Nulle-Part"),
    ("NL", None, "Groeningen"),  # a hamlet, not Groningen
    (None, None, "Lille"),  # one in France, one in Belgium
    (None, "4531 AB", None),
]

RUBBISH = [
    "",
    " ",
    "x" * 10_000,
    "\0",
    "\0\0",
    "🙂",
    "'; DROP TABLE place; --",
    '"',
    "%",
    "\ud800",
    "-",
    "(",
    "٠١٢٣",
]


@pytest.mark.parametrize(("country", "postcode", "nuts"), POSTCODES)
def test_a_postcode_in_any_spelling_gives_its_region(places: Places, country: str, postcode: str, nuts: str) -> None:
    located = places.locate(country, postcode, None)
    assert places.nuts(country, postcode) == nuts
    assert located
    assert (located.nuts, located.nuts_version, located.method) == (nuts, "2024", "postcode")
    assert located.lat is located.lon is located.radius_km is None


@pytest.mark.parametrize(("country", "postcode", "town", "nuts", "lat", "lon"), TOWNS)
def test_a_town_in_any_spelling_has_its_place(
    places: Places, country: str, postcode: str | None, town: str, nuts: str | None, lat: float, lon: float
) -> None:
    located = places.locate(country, postcode, town)
    assert located
    assert located.lat is not None
    assert located.lon is not None
    assert distance_km(lat, lon, located.lat, located.lon) < 10
    assert located.nuts == nuts
    assert located.nuts_version == ("2024" if nuts else None)
    assert located.method == ("postcode+town" if places.nuts(country, postcode or postcode_in(town)) else "town")


@pytest.mark.parametrize(("country", "postcode", "town"), UNKNOWN)
def test_what_is_not_known_is_not_guessed(
    places: Places, country: str | None, postcode: str | None, town: str | None
) -> None:
    assert places.locate(country, postcode, town) is None


@pytest.mark.parametrize("text", RUBBISH, ids=ascii)
def test_rubbish_is_nowhere(places: Places, text: str) -> None:
    assert places.locate("FR", text, text) is places.locate(text, text, text) is None
    assert places.nuts(text, text) is None
    assert places.nuts("NL", text) is None
    assert places.find(text) == []


def test_a_postcode_is_enough_when_its_town_is_not_known(places: Places) -> None:
    located = places.locate("DE", "52062", "Nirgendwo")
    assert located
    assert (located.nuts, located.lat, located.method) == ("DEA2D", None, "postcode")


def test_a_town_far_from_its_postcode_has_no_point(places: Places) -> None:
    located = places.locate("DE", "01067", "Hamburg")
    assert located
    assert (located.nuts, located.lat, located.method) == ("DED21", None, "postcode")


def test_the_doubt_is_the_size_of_the_town_or_the_way_to_its_namesake(places: Places) -> None:
    towns = [("NL", "Terneuzen"), ("DE", "Berlin"), ("DE", "Halle")]
    terneuzen, berlin, halle = (places.locate(country, None, town) for country, town in towns)
    assert terneuzen
    assert terneuzen.radius_km == 5
    assert berlin
    assert 15 < (berlin.radius_km or 0) < 25
    assert halle
    assert (halle.radius_km or 0) > 200


def test_find_puts_exact_names_first_then_the_larger(places: Places) -> None:
    assert [(p.name, p.country) for p in places.find("lille")][:2] == [("Lille", "FR"), ("Lille", "BE")]
    assert [p.name for p in places.find("Luik", "BE")] == ["Liège"]
    assert len(places.find("Neustadt", "DE", limit=3)) == 3
    assert places.find("Neustadt", "DE", limit=0) == []


def test_threads_may_share_it(places: Places) -> None:
    towns = [(country, None, town.lower()) for country, _, town, *_ in TOWNS for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda at: places.find(at[2], at[0]), towns))
    assert together == [places.find(town, country) for country, _, town in towns]


def test_distance_is_along_the_great_circle() -> None:
    assert distance_km(55.68, 12.57, 55.61, 13.00) == pytest.approx(28.1, abs=0.5)  # Copenhagen to Malmö
    assert distance_km(0, 0, 0, 180) == pytest.approx(20_015, abs=1)
    assert distance_km(50, 4, 50, 4) == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no places at .*places\.db.*build"):
        open_places(tmp_path / "places.db")


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "places.db").write_bytes(b"")
    with pytest.raises(ValueError, match="another format"):
        open_places(tmp_path / "places.db")


@pytest.mark.parametrize(
    ("near", "first", "also"),
    [
        ("Halle", ("Halle", "BE"), ("Halle", "DE")),
        ("Halle, BE", ("Halle", "BE"), None),
        ("9060 Zelzate", ("Zelzate", "BE"), None),
        ("4551 AB Sas van Gent", ("Sas van Gent", "NL"), None),
        ("4381 AA", ("Middelburg", "NL"), None),
    ],
)
def test_what_is_written_into_a_search_is_found(
    places: Places, near: str, first: tuple[str, str], also: tuple[str, str] | None
) -> None:
    found = [(place.name, place.country) for place in places.find(near)]
    assert found[0] == first, found
    assert also is None or also in found
