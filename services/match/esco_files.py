"""Where an ESCO pack is imported from: the official CSV download, or the compact files. Readers, nothing is kept.

official: occupations_en.csv, ISCOGroups_en.csv, skills_en.csv, occupationSkillRelations_en.csv ...
compact:  occupations_meta.csv.gz, isco_groups.csv.gz, occ_labels_en.csv.gz, skill_labels_en.csv.gz, occ_skill.csv.gz,
          crosswalks/occ_deu_de.csv.gz ...
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pendler.esco import PREFIX

Row = dict[str, str]
LETTER_CODES = {"no": "nb"}
SURE = {"exactMatch", "narrowMatch"}
"""Relations in which a national occupation is an ESCO occupation, or a kind of one."""


class NotEsco(ValueError):
    """The folder has no ESCO files, or one of them cannot be read."""


@dataclass(frozen=True)
class Coded:
    """A national occupation and the entry it stands for; `title` where the crosswalk has one."""

    country: str
    language: str
    code: str
    title: str | None
    uri: str
    sure: bool


@dataclass(frozen=True)
class EscoFiles:
    """One folder of ESCO files; URIs come whole."""

    folder: Path
    compact: bool

    def languages(self) -> list[str]:
        pattern = "occ_labels_*.csv.gz" if self.compact else "occupations_*.csv"
        return sorted({_language(path) for path in self.folder.glob(pattern)})

    def digest(self) -> str:
        """Of the names and sizes of all files and of what is in the smallest ones: the same folder, the same digest."""
        paths = sorted(path for path in self.folder.rglob("*.csv*") if path.is_file())
        told = [f"{path.relative_to(self.folder)} {path.stat().st_size}" for path in paths]
        return sha256("\n".join(told).encode()).hexdigest()[:16]

    def occupations(self) -> dict[str, str]:
        """Every occupation and ISCO unit group: URI -> ISCO-08 code of four digits."""
        if self.compact:
            found = {_whole(row["uri"]): row["isco"] for row in self._rows("occupations_meta.csv.gz")}
            groups = [row["code"] for row in self._rows("isco_groups.csv.gz")]
        else:
            name = self._named("occupations")
            found = {
                row["conceptUri"]: row["iscoGroup"].removeprefix("C").zfill(4)
                for row in self._rows(name)
                if row.get("status", "released") != "obsolete"
            }
            groups = [row["code"].removeprefix("C") for row in self._rows(self._named("ISCOGroups"))]
        return found | {f"{PREFIX}isco/C{code}": code for code in groups if len(code) == 4}

    def labels(self, language: str) -> dict[str, list[str]]:
        """The labels of occupations and groups in a language, preferred ones first."""
        written = {ours: theirs for theirs, ours in LETTER_CODES.items()}.get(language, language)
        if self.compact:
            return _gathered(self._rows(f"occ_labels_{written}.csv.gz"))
        found = _official(self._rows(f"occupations_{written}.csv"))
        groups = f"ISCOGroups_{written}.csv"
        return found | (_official(self._rows(groups)) if (self.folder / groups).is_file() else {})

    def skills(self, language: str) -> dict[str, list[str]]:
        """The labels of skills in a language; none where there is no file."""
        written = {ours: theirs for theirs, ours in LETTER_CODES.items()}.get(language, language)
        name = f"skill_labels_{written}.csv.gz" if self.compact else f"skills_{written}.csv"
        if not (self.folder / name).is_file():
            return {}
        return _gathered(self._rows(name)) if self.compact else _official(self._rows(name))

    def skill_numbers(self) -> dict[str, int]:
        """Every skill with a label in some language, and its number in the pack."""
        found = {uri for language in self.languages() for uri in self.skills(language)}
        return {uri: n for n, uri in enumerate(sorted(found))}

    def skills_of(self) -> Iterator[tuple[str, str, bool]]:
        """Which skills an occupation needs: occupation, skill, whether it is essential."""
        if self.compact:
            for row in self._rows("occ_skill.csv.gz"):
                yield _whole(row["occupation"]), _whole(row["skill"]), row["type"] == "essential"
        elif name := next((path.name for path in self.folder.glob("occupationSkillRelations*.csv")), None):
            for row in self._rows(name):
                yield row["occupationUri"], row["skillUri"], row["relationType"] == "essential"

    def coded(self) -> Iterator[Coded]:
        """The national crosswalks, where the folder has them."""
        for path in sorted(self.folder.glob("crosswalks/occ_*.csv.gz")):
            _, country, language = path.name.partition(".")[0].split("_")
            for row in self._rows(f"crosswalks/{path.name}"):
                sure = row["relation"] in SURE
                code = row["national_id"].rpartition("/")[2]
                yield Coded(country, _ours(language), code, row.get("title"), _whole(row["uri"]), sure)

    def _named(self, kind: str) -> str:
        for language in ("en", *self.languages()):
            if (self.folder / f"{kind}_{language}.csv").is_file():
                return f"{kind}_{language}.csv"
        raise NotEsco(f"{self.folder} has no {kind}_en.csv; download ESCO as CSV with occupations, groups and skills")

    def _rows(self, name: str) -> Iterator[Row]:
        path = self.folder / name
        try:
            with (
                gzip.open(path, "rb") if name.endswith(".gz") else path.open("rb") as raw,
                io.TextIOWrapper(raw, "utf-8-sig", newline="") as text,
            ):
                yield from csv.DictReader(text)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise NotEsco(f"{path} cannot be read ({error}); fetch it again") from error


def open_files(folder: Path) -> EscoFiles:
    """The ESCO files of a folder. NotEsco where there are none."""
    if (folder / "occupations_meta.csv.gz").is_file():
        return EscoFiles(folder, compact=True)
    if any(folder.glob("occupations_*.csv")):
        return EscoFiles(folder, compact=False)
    raise NotEsco(
        f"{folder} has neither occupations_LANG.csv (official download) nor occupations_meta.csv.gz (compact)"
    )


def _language(path: Path) -> str:
    return _ours(path.name.partition(".")[0].rpartition("_")[2])


def _ours(language: str) -> str:
    return LETTER_CODES.get(language, language)


def _whole(uri: str) -> str:
    return uri if uri.startswith("http") else PREFIX + uri


def _gathered(rows: Iterator[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        labels = found.setdefault(_whole(row["uri"]), [])
        labels.insert(0 if row["kind"] == "pref" else len(labels), row["label"])
    return found


def _official(rows: Iterator[Row]) -> dict[str, list[str]]:
    columns = ("preferredLabel", "altLabels", "hiddenLabels")
    return {row["conceptUri"]: _lines("\n".join(row.get(name) or "" for name in columns)) for row in rows}


def _lines(cell: str) -> list[str]:
    return [line.strip() for line in re.split(r"\n|\s\|\s", cell) if line.strip()]
