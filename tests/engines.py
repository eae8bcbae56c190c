"""Real engines for the tests, each started once a run, where Java and Maven are there."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from deploy.topics import ensure_topics

SCRIPTS = Path(__file__).parents[1] / "deploy" / "engines"


class Engine:
    """One engine of this test session: `deploy/engines/NAME.sh` on a port of its own."""

    def __init__(self, name: str, home: Path) -> None:
        self._script, port = SCRIPTS / f"{name}.sh", _free_port()
        self.address = f"127.0.0.1:{port}"
        self._env = os.environ | {"ENGINES_HOME": str(home), f"{name.upper()}_PORT": str(port)}

    def run(self, *command: str) -> None:
        done = subprocess.run([self._script, *command], env=self._env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{self._script.name} {' '.join(command)}: {done.stdout}{done.stderr}"


class Broker(Engine):
    """A Kafka broker."""

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
        ensure_topics(self.address, groups)


def _free_port() -> int:
    """A port that is free, and the one after it, too: some need two."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@contextmanager
def _started(name: str, kind: type[Engine] = Engine) -> Iterator[Engine]:
    """The engine as long as the session lasts. Its folder lies under none that is closed to others, as pytest's are."""
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        pytest.skip(f"{name} cannot be started: no {' and no '.join(missing)} here")
    with tempfile.TemporaryDirectory(prefix=f"pendler-{name}-") as home:
        engine = kind(name, Path(home))
        try:
            engine.run("start")
            yield engine
        finally:
            engine.run("wipe")


@pytest.fixture(scope="session")
def kafka_node() -> Iterator[Engine]:
    with _started("kafka", Broker) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_broker(kafka_node: Engine) -> str:
    """The bootstrap list of the session's broker."""
    return kafka_node.address


@pytest.fixture(scope="session")
def mongodb() -> Iterator[Engine]:
    with _started("mongodb") as engine:
        yield engine


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Engine]:
    with _started("elasticsearch") as engine:
        yield engine
