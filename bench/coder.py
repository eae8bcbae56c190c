"""How fast a pack answers on one core, how soon it is ready, and what it keeps in memory for eight languages.

Each figure comes from a process of its own, in which numpy may use one thread. The titles are of the benchmarks.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.coded_titles import BENCHMARKS
from services.match.coding import Asked, open_coder

SETS = ("usa_en", "deu_de", "nld_nl", "fra_fr", "dnk_da", "swe_sv", "pol_pl", "esp_es")
EACH = 300
SHOWN = 5
"""Answers to a title, as the pipeline asks for."""
Line = tuple[str, float, str, dict[str, Any]]


def coder(_: Path, __: Path) -> Iterator[Line]:
    """The newest pack under PENDLER_HOME, or one that is imported now."""
    from bench.esco import pack_in_use

    pack = pack_in_use()
    for name in ("unranked", "ranked"):
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "bench.coder", str(pack), name]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
        for line in done.stdout.splitlines():
            bench, value, unit, conditions = json.loads(line)
            yield bench, value, unit, conditions


def _measured(pack: Path, ranked: bool) -> Iterator[Line]:
    asked, kind = _titles(), "ranked" if ranked else "unranked"
    began = time.perf_counter()
    opened = open_coder(pack, ranked)
    opened.classify(asked[:1], SHOWN)
    yield f"match/ready {kind}", time.perf_counter() - began, "s", {"with": "the first answer"}
    opened.classify(asked[:: EACH // 2], SHOWN)
    wall, cpu = time.perf_counter(), time.process_time()
    opened.classify(asked, SHOWN)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    conditions = {"titles": len(asked), "languages": len(SETS), "per CPU second": round(len(asked) / cpu)}
    yield f"match/titles {kind}", len(asked) / wall, "titles/s", conditions
    yield f"match/memory {kind}", _kilobytes("VmRSS") / 1024, "MB", {"mapped": round(_kilobytes("RssFile") / 1024)}


def _titles() -> list[Asked]:
    found: list[Asked] = []
    for name in SETS:
        with gzip.open(BENCHMARKS / f"melo_{name}.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines][:EACH]
        found += [Asked([(row["lang"], row["query"])]) for row in rows]
    return found


def _kilobytes(name: str) -> int:
    return int(Path("/proc/self/status").read_text().partition(f"{name}:")[2].split()[0])


if __name__ == "__main__":
    for line in _measured(Path(sys.argv[1]), sys.argv[2] == "ranked"):
        print(json.dumps(line), flush=True)
