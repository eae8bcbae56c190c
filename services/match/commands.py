"""The commands of match: `pendler classify` codes titles, `pendler esco` makes and shows packs."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from pendler.bus import Bus, open_bus
from pendler.esco import lexicon
from pendler.esco.stored import BadPack, checked, current, packs
from pendler.memory import settle_down
from pendler.prepare import prepare, tell
from pendler.settings import Settings
from schemas.vacancy import OccupationCode

if TYPE_CHECKING:
    from services.match.coding import Coder  # what codes takes a second to load, and most commands do not code

app = typer.Typer()
esco = typer.Typer(no_args_is_help=True, help="ESCO packs: import the classification, see what is there.")
aliases = typer.Typer(no_args_is_help=True, help="Titles learnt from coded advertisements.")
match = typer.Typer(no_args_is_help=True, help="What is coded already.")
app.add_typer(esco, name="esco")
app.add_typer(match, name="match")
app.add_typer(aliases, name="aliases")
T = TypeVar("T")
BATCH = 256
SHOWN = {"uri", "isco", "label", "score", "method", "evidence"}


@app.command()
def classify(
    lang: Annotated[str | None, typer.Option(help="Language of the titles, where a line does not say.")] = None,
    pack: Annotated[Path | None, typer.Option(help="Folder of an imported ESCO pack; none: our own lexicon.")] = None,
    fast: Annotated[bool, typer.Option(help="Without the learnt ranker: about three times as fast.")] = False,
) -> None:
    """Read titles (NDJSON) and write their ESCO occupations and skills, line by line."""
    from services.match.coding import open_coder

    try:
        coder = open_coder(pack, ranked=not fast)
    except BadPack as error:
        raise typer.BadParameter(str(error), param_hint="--pack") from error
    settle_down()
    for some in _batches(sys.stdin):
        for line in answers([json.loads(line) for line in some], lang, coder):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _batches(lines: TextIO) -> Iterator[list[str]]:
    """What has arrived, at most BATCH lines: who writes a line and waits gets its answer."""
    if os.isatty(lines.fileno()):
        yield from ([line] for line in lines if line.strip())
        return
    rest = b""
    while block := os.read(lines.fileno(), 1 << 16):
        whole, _, rest = (rest + block).rpartition(b"\n")
        arrived = (line for line in whole.decode().split("\n") if line.strip())
        while some := list(islice(arrived, BATCH)):
            yield some
    if rest.strip():
        yield [rest.decode()]


def answers(asked: Sequence[dict[str, Any]], lang: str | None, coder: "Coder") -> Iterator[dict[str, Any]]:
    """One line out for each line in."""
    from services.match.coding import Asked
    from services.match.language import detect

    languages = [one.get("lang") or lang or detect(f"{one['title']}\n{one.get('text') or ''}") for one in asked]
    found = coder.classify(
        [
            Asked(
                titles=[(language, one["title"])],
                codes=[OccupationCode.model_validate(code) for code in one.get("codes") or ()],
            )
            for one, language in zip(asked, languages, strict=True)
        ]
    )
    skills = coder.skills([(language, one.get("text") or "") for one, language in zip(asked, languages, strict=True)])
    for one, language, occupations, wanted in zip(asked, languages, found, skills, strict=True):
        yield {
            "id": one.get("id"),
            "lang": language,
            "occupations": [each.model_dump(include=SHOWN) for each in occupations],
            "skills": [each.model_dump(include={"uri", "label", "score"}) for each in wanted],
        }


@esco.command("import")
def import_pack(
    folder: Annotated[Path, typer.Argument(help="The official CSV download, unpacked, or the compact files.")],
    language: Annotated[list[str] | None, typer.Option(help="Only these languages (and English); none: all.")] = None,
) -> None:
    """Make a numbered pack of ESCO under PENDLER_HOME/esco. Run again after a stop, it goes on where it was."""
    from services.match.esco_files import NotEsco, open_files
    from services.match.importing import import_esco

    try:
        done = import_esco(open_files(folder), Settings().home, tell, language or ())
    except NotEsco as error:
        tell(str(error))
        raise typer.Exit(1) from error
    print(json.dumps(_summary(done)))


@esco.command("fetch")
def fetch_files(
    folder: Annotated[Path, typer.Argument(help="Where the CSV files go; `pendler esco import` reads them.")],
    language: Annotated[list[str], typer.Option(help="A language to fetch; may be given several times.")],
    version: Annotated[str, typer.Option(help="The version of ESCO.")] = "v1.2.0",
    address: Annotated[str, typer.Option(help="The web service.")] = "https://ec.europa.eu/esco/api",
    pause: Annotated[float, typer.Option(help="Seconds between two pages.", min=0)] = 1.0,
) -> None:
    """Fetch ESCO from the Commission's web service: one connection, a pause after each page, resumable.

    It was not tried against the live service, only against a stand-in.
    """
    from services.match.fetching import NotFetched, fetch

    try:
        fetch(address, folder, sorted({*language, "en"}), version, pause, tell)
    except NotFetched as error:
        tell(str(error))
        raise typer.Exit(1) from error


@esco.command()
def status() -> None:
    """What packs there are, and which one is used: one JSON object."""
    home = Settings().home
    used = current(home)
    listed = [_summary(path) for path in packs(home)]
    unfinished = [str(path) for path in sorted((home / "esco").glob("*.partial"))]
    own = {"number": lexicon().number, "occupations": sum(1 for _ in lexicon().concepts())}
    print(json.dumps({"used": used.number, "lexicon": own, "packs": listed, "unfinished": unfinished}, indent=1))


@aliases.command("learn")
def learn_aliases(
    file: Annotated[typer.FileText, typer.Argument(help='NDJSON: {"language", "title", "uri"}; - is stdin.')],
    into: Annotated[Path, typer.Option(help="Folder of the pack that they are added to; a next pack is made of it.")],
) -> None:
    """Make the next pack, that knows these titles too."""
    from services.match.aliases import BadAlias, learn, read

    try:
        done, counts = learn(read(file), into, Settings().home)
    except (BadAlias, BadPack) as error:
        tell(str(error))
        raise typer.Exit(1) from error
    print(json.dumps({**counts, **_summary(done)}))


@aliases.command("harvest")
def harvest_aliases() -> None:
    """Write the titles of open advertisements whose sources coded them: NDJSON, what `learn -` reads."""
    from services.match.aliases import harvest

    for (language, title, uri), count in sorted(asyncio.run(_with_bus(harvest)).items()):
        line = {"language": language, "title": title, "uri": uri, "count": count}
        print(json.dumps(line, ensure_ascii=False))


@match.command("recode")
def recode_all(
    report: Annotated[typer.FileTextWrite, typer.Option(help="Where the report goes (JSON); - is stdout.")],
) -> None:
    """Code every vacancy anew with the newest pack, while the old answers serve. Restart match first."""
    from services.match.matching import open_match
    from services.match.recoding import recode

    settings = Settings()
    match, number = open_match(settings), current(settings.home).number
    found = asyncio.run(_with_bus(lambda bus: recode(bus, match, number)))
    report.write(json.dumps(found.document(), ensure_ascii=False, indent=1) + "\n")


async def _with_bus(work: Callable[[Bus], Awaitable[T]]) -> T:
    settings = Settings()
    prepare(settings)
    bus = open_bus(settings.url_of("bus"))
    try:
        return await work(bus)
    finally:
        await bus.close()


def _summary(folder: Path) -> dict[str, Any]:
    said = asdict(checked(folder))
    sizes = said.pop("files")
    return {**said, "megabytes": round(sum(sizes.values()) / 1e6, 1), "folder": str(folder)}
