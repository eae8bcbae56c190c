"""A short run of `pendler chaos` on real engines: three Kafka nodes, a stand-in for MongoDB, Elasticsearch, SMTP."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.chaos import AT_LEAST, chaos, table
from bench.engines import missing_tools

SEED, MINUTES = 7, 0.25


def test_faults_lose_nothing_and_mail_nothing_twice(
    tmp_path: Path, places_file: Path, tell: Callable[[object], None]
) -> None:
    if missing := missing_tools():
        pytest.skip(f"the engines cannot be started: no {' and no '.join(missing)} here")
    verdict = chaos(tmp_path, places_file, SEED, MINUTES, print)
    tell(table(verdict))
    assert len(verdict.faults) >= AT_LEAST
    assert verdict.acknowledged == verdict.sent > 100
    assert verdict.clean
