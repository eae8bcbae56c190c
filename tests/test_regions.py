"""Towns in 60 spellings of 14 countries with the outlines of NUTS-3 regions: region, point, method, doubt."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pendler.operate import app
from pendler.place_file import build
from pendler.places import Places, distance_km, open_places
from pendler.regions import BadRegions, gap_km
from schemas.vacancy import Location
from services.match.matching import place_of

REGIONS = Path(__file__).resolve().parents[2] / "shared" / "reference" / "nuts" / "NUTS_RG_60M_2024_4326.geojson"
SPELLINGS = [
    # country, town as spelt, language of the advertisement, NUTS-3, latitude, longitude, most km of doubt
    ("DE", "Aken", "nl", "DEA2D", 50.78, 6.08, 10),
    ("DE", "Aachen", "de", "DEA2D", 50.78, 6.08, 10),
    ("DE", "Aix-la-Chapelle", "fr", "DEA2D", 50.78, 6.08, 10),
    ("DE", "Keulen", "nl", "DEA23", 50.94, 6.96, 15),
    ("DE", "KÖLN", "de", "DEA23", 50.94, 6.96, 15),
    ("DE", "Flensborg", "da", "DEF01", 54.78, 9.44, 10),
    ("DE", "Flensburg (Stadt)", "de", "DEF01", 54.78, 9.44, 10),
    ("DE", "Nibøl", "da", "DEF07", 54.79, 8.83, 10),
    ("DE", "Hamborg", "da", "DE600", 53.55, 9.99, 20),
    ("DE", "Sarrebruck", "fr", "DEC01", 49.23, 7.00, 10),
    ("DE", "Trèves", "fr", "DEB21", 49.76, 6.64, 10),
    ("DE", "Berlin-Mitte", "de", "DE300", 52.52, 13.41, 25),
    ("NL", "Maastricht", "nl", "NL423", 50.85, 5.69, 10),
    ("NL", "Maestricht", "fr", "NL423", 50.85, 5.69, 10),
    ("NL", "Den Haag", "nl", "NL361", 52.08, 4.30, 10),
    ("NL", "La Haye", "fr", "NL361", 52.08, 4.30, 10),
    ("NL", "Flessingue", "fr", "NL342", 51.44, 3.57, 10),
    ("NL", "'s-Hertogenbosch", "nl", "NL416", 51.69, 5.30, 10),
    ("BE", "Luik", "nl", "BE332", 50.63, 5.57, 10),
    ("BE", "Liège", "fr", "BE332", 50.63, 5.57, 10),
    ("BE", "Lüttich", "de", "BE332", 50.63, 5.57, 10),
    ("BE", "Gand", "fr", "BE234", 51.05, 3.72, 10),
    ("BE", "Anvers", "fr", "BE211", 51.22, 4.40, 10),
    ("BE", "Courtrai", "fr", "BE254", 50.83, 3.26, 10),
    ("BE", "Doornik", "nl", "BE328", 50.61, 3.39, 10),
    ("BE", "Bergen", "nl", "BE323", 50.45, 3.95, 10),
    ("BE", "Aarlen", "nl", "BE341", 49.68, 5.82, 10),
    ("FR", "Rijsel", "nl", "FRE11", 50.63, 3.06, 10),
    ("FR", "LILLE CEDEX 9", "fr", "FRE11", 50.63, 3.06, 10),
    ("FR", "Duinkerke", "nl", "FRE11", 51.03, 2.38, 10),
    ("FR", "Straßburg", "de", "FRF11", 48.58, 7.75, 10),
    ("FR", "Mülhausen", "de", "FRF12", 47.75, 7.34, 10),
    ("FR", "Diedenhofen", "de", "FRF33", 49.36, 6.17, 10),
    ("FR", "Thionville", "fr", "FRF33", 49.36, 6.17, 10),
    ("LU", "Esch/Alzette", "fr", "LU000", 49.50, 5.98, 10),
    ("LU", "Lëtzebuerg", "lb", "LU000", 49.61, 6.13, 10),
    ("LU", "Luxemburg", "de", "LU000", 49.61, 6.13, 10),
    ("DK", "Apenrade", "de", "DK032", 55.04, 9.42, 10),
    ("DK", "Åbenrå", "da", "DK032", 55.04, 9.42, 10),
    ("DK", "Tondern", "de", "DK032", 54.94, 8.86, 10),
    ("DK", "Sonderburg", "de", "DK032", 54.91, 9.79, 10),
    ("DK", "Köpenhamn", "sv", "DK011", 55.68, 12.57, 15),
    ("DK", "Helsingör", "sv", "DK013", 56.04, 12.61, 10),
    ("SE", "Malmø", "da", "SE224", 55.61, 13.00, 10),
    ("SE", "Helsingborg", "sv", "SE224", 56.05, 12.69, 10),
    ("SE", "Göteborgs kommun", "sv", "SE232", 57.71, 11.97, 10),
    ("SE", "Haparanda", "sv", "SE332", 65.84, 24.13, 10),
    ("NO", "Tromsoe", "nb", "NO072", 69.65, 18.96, 10),
    ("NO", "Halden", "nb", "NO083", 59.12, 11.39, 10),
    ("FI", "Helsingfors", "sv", "FI1B1", 60.17, 24.94, 10),
    ("FI", "Torneå", "sv", "FI1D7", 65.85, 24.14, 10),
    ("FI", "Tornio", "fi", "FI1D7", 65.85, 24.14, 10),
    ("PL", "Stettin", "de", "PL424", 53.43, 14.55, 10),
    ("PL", "Breslau", "de", "PL514", 51.11, 17.04, 10),
    ("PL", "Gorzow Wielkopolski", "pl", "PL431", 52.74, 15.23, 10),
    ("CZ", "Eger", "de", "CZ041", 50.08, 12.37, 10),
    ("CZ", "Praha 4", "cs", "CZ010", 50.08, 14.43, 15),
    ("AT", "Wiener Neustadt", "de", "AT122", 47.80, 16.25, 10),
    ("CH", "Bâle", "fr", "CH031", 47.56, 7.58, 10),
    ("CH", "Genf", "de", "CH013", 46.20, 6.15, 10),
    ("IT", "Bozen", "de", "ITH10", 46.49, 11.34, 10),
    ("ES", "Bañeza (La)", "es", "ES413", 42.30, -5.90, 10),
    ("ES", "Salamanca", "es", "ES415", 40.96, -5.66, 10),
]


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    if not REGIONS.parents[2].is_dir():
        pytest.skip("the folder ../shared with Eurostat's regions is not here")
    path = tmp_path_factory.mktemp("regions") / "places.db"
    build(path, print, REGIONS)
    with closing(open_places(path)) as opened:
        yield opened


def test_there_are_sixty_spellings_of_fourteen_countries() -> None:
    assert len(SPELLINGS) >= 60
    assert len({country for country, *_ in SPELLINGS}) >= 14


@pytest.mark.parametrize(("country", "town", "language", "nuts", "lat", "lon", "doubt"), SPELLINGS)
def test_a_spelling_has_its_region_its_point_and_its_doubt(
    placed: Places, country: str, town: str, language: str, nuts: str, lat: float, lon: float, doubt: float
) -> None:
    found = placed.locate(country, None, town, language)
    assert found
    assert found.lat is not None
    assert found.lon is not None
    assert (found.nuts, found.nuts_version, found.method) == (nuts, "2024", "town")
    assert distance_km(lat, lon, found.lat, found.lon) < 10
    assert found.radius_km is not None
    assert 0 < found.radius_km <= doubt


def test_without_the_language_a_name_of_two_towns_is_in_doubt(placed: Places) -> None:
    found = placed.locate("DE", None, "Aken")
    assert found
    assert found.nuts is None
    assert (found.radius_km or 0) > 300  # Aachen, or Aken on the Elbe


def test_a_stated_point_has_its_region(placed: Places) -> None:
    place = place_of(Location(country="SE", lat=55.6050, lon=13.0038), placed)
    assert (place.nuts, place.nuts_version, place.method, place.radius_km) == ("SE224", "2024", "stated", 0.0)
    assert placed.region_at("SE", 55.68, 12.57) is None  # Copenhagen is in no Swedish region
    assert placed.region_at(None, 0, 0) is None


def test_a_hole_is_outside_and_the_way_to_an_outline_is_measured() -> None:
    square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0), (0.0, 0.0)]
    hole = [(0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5), (0.5, 0.5)]
    assert gap_km([square], 1, 1) == 0
    assert gap_km([square, hole], 1, 1) == pytest.approx(55.6, abs=1)
    assert gap_km([square], 1, 3) == pytest.approx(111, abs=1)


@pytest.mark.parametrize("text", ["", "[]", '{"features": []}', '{"features": [{"properties": {"LEVL_CODE": 3}}]}'])
def test_a_file_that_is_none_is_refused_and_changes_nothing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENDLER_HOME", str(tmp_path / "home"))
    (tmp_path / "x.geojson").write_text(text)
    done = CliRunner().invoke(app, ["regions", "import", str(tmp_path / "x.geojson")])
    assert done.exit_code == 1
    assert "Eurostat" in done.output
    assert not (tmp_path / "home").exists()


def test_outlines_of_another_version_than_the_postcodes_are_refused(tmp_path: Path) -> None:
    area = {"type": "Polygon", "coordinates": [[[15, 45], [16, 45], [16, 46], [15, 45]]]}
    one = {"properties": {"LEVL_CODE": 3, "NUTS_ID": "HR021"}, "geometry": area}
    (tmp_path / "old.geojson").write_text(json.dumps({"features": [one]}))
    with pytest.raises(BadRegions, match="2021"):
        build(tmp_path / "places.db", print, tmp_path / "old.geojson")
    assert not (tmp_path / "places.db").exists()
