"""Faults at random moments on real engines, seeded: nothing may be lost, unaccounted for or mailed twice.

`pendler chaos --seed N --minutes M` starts Kafka (three nodes), Elasticsearch, the stand-in for MongoDB, a mail
server and every service as a process of its own, delivers records all the time, breaks one thing after the other, and
at last compares what was sent, settled, visible and mailed.
"""

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.exchange import wait_for
from bench.ground import PATIENCE, Ground, Verdict, fault, flowing, on_engines, well
from bench.pipeline import APART

FAULTS = (
    *(f"service {name}" for name in APART),
    "web", "broker 1", "broker 2", "broker 3", "line 1", "line 2", "line 3",
    "index", "store", "clock ahead", "clock behind",
    "mail REFUSES", "mail HANGS", "mail DROPS",
)  # fmt: skip
AT_LEAST = 3


def chaos(folder: Path, places: Path, seed: int, minutes: float, tell: Callable[[str], None]) -> Verdict:
    """Breaks things for so long, three at least, heals them, and judges."""
    chance, verdict = random.Random(seed), Verdict(seed)
    with on_engines(folder, places) as ground, flowing(ground, verdict):
        until = time.monotonic() + minutes * 60
        left: list[str] = []
        while time.monotonic() < until or len(verdict.faults) < AT_LEAST:
            left = left or chance.sample(FAULTS, len(FAULTS))
            verdict.faults.append(_suffer(ground, left.pop(), chance.uniform(2, 8), tell))
    return verdict


def _suffer(ground: Ground, name: str, seconds: float, tell: Callable[[str], None]) -> dict[str, Any]:
    with fault(ground, name):
        time.sleep(seconds)
    recovered = wait_for(lambda: well(ground.exchange), PATIENCE, f"all to be well after: {name}")
    tell(f"{name}: broken for {seconds:.1f} s, well again after {recovered:.1f} s")
    return {"fault": name, "seconds": round(seconds, 1), "seconds_to_recover": round(recovered, 1)}


def table(verdict: Verdict) -> str:
    """The verdict as people read it."""
    told = {name: value for name, value in asdict(verdict).items() if name != "faults"}
    slowest = max(verdict.faults, key=lambda one: one["seconds_to_recover"], default=None)
    lines = [f"{name.replace('_', ' '):14} {value:>8,}" for name, value in told.items()]
    if slowest:
        longest = f"{slowest['fault']}, {slowest['seconds_to_recover']} s"
        lines.append(f"{len(verdict.faults)} faults; slowest to recover: {longest}")
    return "\n".join(lines)
