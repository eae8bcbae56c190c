"""Measurements of the exchange on this machine: `make bench`. One JSON object a line on standard output.

    {"bench": "...", "value": 0.0, "unit": "...", "conditions": {...}}

Numbers of one run compare with one another; between machines only ratios do. `python -m bench NAME...` runs some.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.alerts import alert
from bench.buses import bus_alone
from bench.coder import coder
from bench.digests import digest, killed
from bench.drills import away, endurance, scaled, stopped
from bench.exchange import DEMONSTRATED, as_supervised, running, wait_for
from bench.follow import follow
from bench.mails import mails
from bench.normalise import normalise
from bench.openings import clusters
from bench.percolate import percolate
from bench.pipeline import latency, pipeline
from bench.search import search
from bench.stages import stages
from bench.stores import stores
from pendler.place_file import build

Measure = Callable[[Path, Path], Iterator[tuple[str, float, str, dict[str, Any]]]]


def memory(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Resident memory of all processes after the demonstration."""
    with running(folder / "home", places, as_supervised(), PENDLER_DEMO="1") as exchange:
        wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
        exchange.http.get("/").raise_for_status()
        exchange.http.get("/docs").raise_for_status()
        each = exchange.resident() | {"supervisor": supervisor_alone()}
        yield "resident memory after the demonstration", sum(each.values()), "MB", {**each}


def supervisor_alone() -> float:
    """What a process takes that has only what the supervisor imports."""
    code = "import pendler.supervisor; print(next(l.split()[1] for l in open('/proc/self/status') if 'VmRSS' in l))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return round(int(done.stdout) / 1024, 1)


MEASURES: dict[str, Measure] = {
    "pipeline": pipeline,
    "stages": stages,
    "latency": latency,
    "memory": memory,
    "bus": bus_alone,
    "stores": stores,
    "mails": mails,
    "mail": killed,
    "digest": digest,
    "alert": alert,
    "percolate": percolate,
    "normalise": normalise,
    "follow": follow,
    "coder": coder,
    "clusters": clusters,
    "search": search,
}
DRILLS: dict[str, Measure] = {"away": away, "stopped": stopped, "scaled": scaled, "endurance": endurance}


def main(names: list[str]) -> None:
    """Runs the measures and drills named, or all measures."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder) / "places.db"
        build(places, lambda _: None)
        for name in names or MEASURES:
            for bench, value, unit, conditions in (MEASURES | DRILLS)[name](Path(folder) / name, places):
                line = {"bench": bench, "value": round(value, 3), "unit": unit, "conditions": {**conditions, **machine}}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
