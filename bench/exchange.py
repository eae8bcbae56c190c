"""A running exchange in processes of its own, for measurements and crash tests."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, ClassVar, TypeAlias

import httpx2

from bench.engines import free_ports
from pendler.audit import audit
from pendler.bus import Bus, open_bus
from pendler.operate import opened
from pendler.settings import Settings
from pendler.store import open_store
from pendler.supervisor import workers as workers_of
from services.ingest import keys
from services.ingest.demonstration import advertisements

COMMAND = [sys.executable, "-m", "pendler"]
DEMONSTRATED = sum(1 for _ in advertisements())
"""How many vacancies the demonstration has."""


Process: TypeAlias = "subprocess.Popen[bytes]"


def spawn(arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> Process:
    """`pendler ARGUMENTS` as a process of its own."""
    return subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=log, stderr=log)


class Exchange:
    """The web process and any number of workers, on one home and free ports."""

    spawn: ClassVar[Callable[[Sequence[str], Mapping[str, str], IO[bytes]], Process]] = staticmethod(spawn)
    """How its processes start; the tests have a quicker way."""

    def __init__(self, home: Path, places: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.home, self.port = home, free_ports()
        home.mkdir(parents=True, exist_ok=True)
        if places and not (home / "places.db").exists():
            shutil.copy(places, home / "places.db")
        self._environment = {
            **os.environ,
            "PENDLER_HOME": str(home),
            "PENDLER_PORT": str(self.port),
            "PENDLER_LOG": "warning",
            "PENDLER_GATHER": "0",
            "PYTHONFAULTHANDLER": "1",
            **(environment or {}),
        }
        self.processes: dict[str, Process] = {}
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)

    def start(self, name: str, *arguments: str, **environment: str) -> None:
        """Starts a process: `web`, or a worker with the services it is to run. Its log goes to `<home>/<name>.log`."""
        command = ["web"] if name == "web" else ["work", "--health-port", "0", *arguments]
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = Exchange.spawn(command, {**self._environment, **environment}, log)

    def ready(self, seconds: float = 90) -> float:
        """Waits until the web process answers; gives the seconds it took.

        Raises:
            RuntimeError: it has ended, or is late; with the ends of the logs, and where each process stood.
        """
        try:
            return wait_for(self._answers, seconds, "the web process to answer")
        except TimeoutError as late:
            for process in self.processes.values():
                process.send_signal(signal.SIGABRT)
                process.wait(10)
            raise RuntimeError(f"{late}; {self._last_words()}") from None

    def _last_words(self) -> str:
        logs = {name: (self.home / f"{name}.log").read_text(errors="replace") for name in self.processes}
        return "\n".join(f"the log of {name} ends:\n{log[-4000:]}" for name, log in logs.items())

    def _answers(self) -> bool:
        if "web" in self.processes and (code := self.processes["web"].poll()) is not None:
            raise RuntimeError(f"the web process ended with {code}; {self._last_words()}")
        try:
            return bool(self.http.get("/readyz").is_success)
        except httpx2.HTTPError:
            return False

    def kill(self, name: str) -> None:
        """Ends a process as a power cut would."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self, name: str) -> None:
        """Ends a process in order."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(20)

    def stop(self) -> None:
        """Ends all processes in order, and those that will not by force."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        self.http.close()

    def command(self, *arguments: str, check: bool = True) -> str:
        """Runs a command on this home; gives its standard output. Without `check` it may end with 1, which says no."""
        done = subprocess.run(
            [*COMMAND, *arguments], env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode not in ((0,) if check else (0, 1)):
            raise RuntimeError(f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def resident(self) -> dict[str, float]:
        """Resident memory of each process, in MB."""
        return {name: resident(process.pid) for name, process in self.processes.items()}

    def key(self, source: str) -> str:
        """A key for all feeds of a source, as `pendler keys create` makes it."""
        return asyncio.run(self._key(source))

    async def _key(self, source: str) -> str:
        store = open_store(self.settings().url_of("store"), "ingest")
        try:
            return await keys.create(store, source, [], datetime.now(UTC))
        finally:
            await store.close()

    def push(self, source: str, feed: str, key: str, body: bytes, **headers: str) -> dict[str, Any]:
        """Delivers; the answer must be 200 or 202."""
        response = self.http.post(
            f"/v1/sources/{source}/feeds/{feed}/records",
            content=body,
            headers={"Authorization": f"Bearer {key}", **headers},
        )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def search(self, **parameters: Any) -> dict[str, Any]:
        """What a search answers."""
        response = self.http.get("/v1/vacancies", params=parameters)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def open_ads(self) -> int:
        """How many vacancies the search counts."""
        return int(self.search(limit=0)["total"]["ads"])

    def lag(self, group: str, topic: str) -> int:
        """How much of a topic a group has not committed."""
        return asyncio.run(self._lag(group, topic))

    async def _lag(self, group: str, topic: str) -> int:
        bus = self.bus()
        try:
            return await bus.lag(group, topic)
        finally:
            await bus.close()

    def settings(self) -> Settings:
        """The settings that all its processes have."""
        ports: dict[str, Any] = {
            port: self._environment.get(f"PENDLER_{port.upper()}", "file:") for port in ("bus", "store", "index")
        }
        return Settings(home=self.home, **ports)

    def bus(self) -> Bus:
        """A bus of one's own to the same topics."""
        return open_bus(self.settings().url_of("bus"))

    def audit(self) -> dict[str, Any]:
        """What `pendler audit` says; in this process, which need not be started first."""
        return asyncio.run(self._audit())

    async def _audit(self) -> dict[str, Any]:
        async with opened(self.settings()) as (services, bus):
            return await audit(services, bus)


@contextmanager
def running(
    home: Path, places: Path, workers: Mapping[str, Sequence[str]] | None = None, **environment: str
) -> Iterator[Exchange]:
    """An exchange with a web process and workers (by name, the services of each; one of all), stopped at the end."""
    exchange = Exchange(home, places, environment)
    exchange.start("web")
    for name, services in (workers or {"work": ()}).items():
        exchange.start(name, *services)
    try:
        exchange.ready()
        yield exchange
    finally:
        exchange.stop()


def as_supervised() -> dict[str, list[str]]:
    """The workers that `pendler run` starts."""
    return {"-".join(names): names for names, _ in workers_of(0)}


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Waits until something holds; gives the seconds it took.

    Raises:
        TimeoutError: it did not, in time.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.02)
    return time.monotonic() - began


def resident(pid: int) -> float:
    """Resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 1)
