"""A real Kafka broker for the tests, started once a run, where Java and Maven are there."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from deploy.topics import ensure_topics

SCRIPT = Path(__file__).parents[1] / "deploy" / "engines" / "kafka.sh"


class Broker:
    """A Kafka broker of this test session, on a port of its own."""

    def __init__(self, home: Path) -> None:
        self.address = f"127.0.0.1:{_free_port()}"
        self._env = os.environ | {"ENGINES_HOME": str(home), "KAFKA_PORT": self.address.partition(":")[2]}

    def run(self, *command: str) -> None:
        done = subprocess.run([SCRIPT, *command], env=self._env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"kafka.sh {' '.join(command)}: {done.stdout}{done.stderr}"

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
    """A port that is free, and the one after it, too: a node needs two."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture(scope="session")
def kafka_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        pytest.skip(f"Kafka cannot be started: no {' and no '.join(missing)} here")
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        broker.run("start")
        yield broker
    finally:
        broker.run("wipe")


@pytest.fixture(scope="session")
def kafka_broker(kafka_node: Broker) -> str:
    """The bootstrap list of the session's broker."""
    return kafka_node.address
