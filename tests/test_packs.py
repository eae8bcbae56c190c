"""ESCO packs: made, resumed, refused where cut short or newer, never changed by what is learnt."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from pendler.esco import PREFIX
from pendler.esco.stored import BadPack, Stored, current, packs
from schemas.vacancy import OccupationCode
from services.match.aliases import BadAlias, learn, read
from services.match.coding import Asked
from services.match.esco_files import NotEsco, open_files
from services.match.importing import import_esco
from services.match.learned import PackCoder

WORK = ["weld", "bake", "paint", "drive", "teach", "build", "clean", "guard", "cook", "sew", "print", "dive"]
PEOPLE = ["master", "helper", "apprentice", "planner", "seller", "inspector"]
ENTRIES = [(f"{PREFIX}occupation/{w}-{p}", f"{w}er {p}") for w in WORK for p in PEOPLE]
BAKER = f"{PREFIX}occupation/bake-master"


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classification of our own in the layout of the official download."""
    folder = tmp_path_factory.mktemp("official")
    for language in ("en", "da"):
        with (folder / f"occupations_{language}.csv").open("w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["conceptUri", "iscoGroup", "preferredLabel", "altLabels", "status"])
            for n, (uri, label) in enumerate(ENTRIES):
                rows.writerow(
                    [uri, str(7110 + n // 6), f"{label} {language}", f"{label}s\n{label} at work", "released"]
                )
        (folder / f"ISCOGroups_{language}.csv").write_text("conceptUri,code,preferredLabel\nx,7110,welders\n")
    skills = f"conceptUri,preferredLabel,altLabels\n{PREFIX}skill/1,bake bread,\n{PREFIX}skill/2,weld pipes,\n"
    (folder / "skills_en.csv").write_text(skills)
    return folder


@pytest.fixture(scope="module")
def pack(official: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_esco(open_files(official), tmp_path_factory.mktemp("home"), print)


def coded(pack: Path, *titles: str) -> list[str]:
    found = PackCoder(pack).classify([Asked([("en", title)]) for title in titles])
    return [one[0].uri if one else "" for one in found]


def test_titles_and_skills_of_an_imported_pack(pack: Path) -> None:
    assert coded(pack, "BAKER MASTER (m/f/d)", "baker helpers", "") == [BAKER, f"{PREFIX}occupation/bake-helper", ""]
    [[first, *_]] = PackCoder(pack).skills([("en", "You bake fresh bread every morning.")])
    assert first.label == "bake bread"
    assert Stored(pack).label(BAKER, "da") == "bakeer master da"


@pytest.mark.parametrize("title", ["", "x", "🔥🔥", "(m/w/d)", "a/" * 250, "x" * 10_000, "ÅÅÅ", "电工", "\0", "/", "-"])
def test_whatever_comes_there_is_an_answer(pack: Path, title: str) -> None:
    coder = PackCoder(pack)
    for language in ("en", "da", "xx", None):
        [found] = coder.classify([Asked([(language, title)])])
        assert all(0 <= one.score <= 1 for one in found)
    assert len(coder.skills([("en", title)])) == 1


def test_a_retired_code_is_kept_and_the_title_still_counts(pack: Path) -> None:
    gone = OccupationCode(scheme="ESCO", code=f"{PREFIX}occupation/gone")
    [found] = PackCoder(pack).classify([Asked([("en", "baker master")], [gone])])
    assert (found[0].uri, found[0].isco) == (gone.code, "")
    assert BAKER in {one.uri for one in found}


def test_a_second_import_goes_on_where_the_first_stopped(official: Path, tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith("en"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_esco(open_files(official), tmp_path, stop)
    assert packs(tmp_path) == []
    told: list[str] = []
    done = import_esco(open_files(official), tmp_path, told.append)
    assert [line for line in told if "kept from before" in line]
    assert coded(done, "baker master") == [BAKER]


def test_a_pack_cut_short_or_newer_says_so(official: Path, tmp_path: Path) -> None:
    done = import_esco(open_files(official), tmp_path, print)
    path = done / "pack.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "format": 99}))
    with pytest.raises(BadPack, match="update Pendler"):
        Stored(done)
    path.write_text(json.dumps(said))
    (done / "en" / "starts.npy").write_bytes(b"")
    with pytest.raises(BadPack, match="cut short"):
        Stored(done)
    path.write_text("{")
    with pytest.raises(BadPack, match="damaged"):
        Stored(done)


def test_what_is_learnt_makes_the_next_pack(official: Path, tmp_path: Path) -> None:
    old = import_esco(open_files(official), tmp_path, print)
    line = json.dumps({"language": "en", "title": "Flour wizard", "uri": BAKER, "count": 9})
    new, counts = learn(read([line, line.replace("bake-master", "gone")]), old, tmp_path)
    assert counts == {"learnt": 1, "left_out": 1}
    assert coded(new, "Flour wizard") == [BAKER]
    assert coded(old, "Flour wizard") != [BAKER]
    assert int(new.name) == int(old.name) + 1
    with pytest.raises(BadAlias, match="line 1"):
        read(["{}"])


def test_folders_without_esco_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEsco, match="occupations_LANG"):
        open_files(tmp_path)
    assert current(tmp_path).number < 100
    with gzip.open(tmp_path / "occupations_meta.csv.gz", "wt") as out:
        out.write("uri,isco\n")
    with pytest.raises(NotEsco, match="no labels in en"):
        import_esco(open_files(tmp_path), tmp_path, print)
