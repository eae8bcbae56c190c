"""Real engines for measurements and tests: `deploy/engines/NAME.sh`, on free ports and in folders of their own."""

import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kafka import KafkaAdminClient

from deploy.topics import ensure_topics
from schemas.event import RecordReceived, VacancyClustered, VacancyMatched, VacancyNormalised

SCRIPTS = Path(__file__).parents[1] / "deploy" / "engines"
READERS = {
    RecordReceived.topic.name: ["ingest"],
    VacancyNormalised.topic.name: ["match"],
    VacancyMatched.topic.name: ["match", "search", "notify"],
    VacancyClustered.topic.name: ["notify"],
}
KINDS = ("kafka", "mongodb", "elasticsearch")


class Engine:
    """One engine, while it is needed."""

    def __init__(self, name: str, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self._script, self.port = SCRIPTS / f"{name}.sh", free_ports()
        self.address = f"127.0.0.1:{self.port}"
        ports = {"ENGINES_HOME": str(home), f"{name.upper()}_PORT": str(self.port)}
        self._env = os.environ | ports | dict(environment or {})

    def run(self, *command: str) -> None:
        self.output(*command)

    def output(self, *command: str) -> str:
        """What the script says to a command."""
        done = subprocess.run([self._script, *command], env=self._env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{self._script.name} {' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout


class Broker(Engine):
    """Kafka, of one node or of three."""

    def empty(self, groups: dict[str, list[str]]) -> None:
        """Makes all topics anew and forgets the groups."""
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            while topics := [name for name in admin.list_topics() if not name.startswith("__")]:
                admin.delete_topics(topics, raise_errors=False)  # done a little later: a second round finds none
            if there := [group["group_id"] for group in admin.list_groups()]:
                admin.delete_groups(there)
        finally:
            admin.close()
        ensure_topics(f"kafka://{self.address}", groups)


def missing_tools() -> list[str]:
    """What an engine needs and this machine has not."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


@contextmanager
def started(name: str, nodes: int = 1, **environment: str) -> Iterator[Engine]:
    """The engine, wiped at the end. Its folder lies under none that is closed to others, as pytest's are."""
    with tempfile.TemporaryDirectory(prefix=f"pendler-{name}-") as home:
        engine = (Broker if name == "kafka" else Engine)(name, Path(home), environment)
        try:
            with _alone():
                engine.run("fetch")
            engine.run("start", *([str(nodes)] if name == "kafka" else []))
            yield engine
        finally:
            engine.run("wipe")


@contextmanager
def _alone() -> Iterator[None]:
    """Of several processes one fetches, and the others wait until it has."""
    with (SCRIPTS / "kafka.sh").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def urls(kafka: str, mongodb: str, elasticsearch: str) -> dict[str, str]:
    """The settings of an exchange on these engines, by their addresses."""
    return {
        "PENDLER_BUS": f"kafka://{kafka}",
        "PENDLER_STORE": f"mongodb://{mongodb}",
        "PENDLER_INDEX": f"http://{elasticsearch}",
    }


PORTS = range(12_000, 32_000)
"""Below those that the system gives to clients: an engine that is started again finds its port as it left it."""
BESIDE = (0, 1, 10, 11, 20, 21)
"""A broker has two ports, and three of them stand ten apart."""


def free_ports() -> int:
    """A port that is free, and those after it that some need, too."""
    while True:
        port = random.choice(PORTS)
        with ExitStack() as stack:
            try:
                for more in BESIDE:
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + more))
            except OSError:
                continue
            return port
