"""Real engines for the tests, each started once a run, where Java and Maven are there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.engines import Engine, missing_tools, started


@contextmanager
def _started(name: str) -> Iterator[Engine]:
    """As long as the session lasts. Where it could be started but is not, that is a failure and no skip."""
    if missing := missing_tools():
        pytest.skip(f"{name} cannot be started: no {' and no '.join(missing)} here")
    with started(name) as engine:
        yield engine


@pytest.fixture(scope="session")
def kafka_node() -> Iterator[Engine]:
    with _started("kafka") as broker:
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
