"""Kafka under TLS with a login, on a real broker: every client comes in, and nobody else does."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engines import Engine, free_ports, started
from deploy.topics import describe_topics, ensure_topics
from pendler.bus import Record, open_bus
from pendler.service import Misconfigured, Unavailable
from schemas.event import RecordReceived
from tests.engines import missing_tools
from tests.relays import PASSWORD, QUOTED, USER

pytestmark = pytest.mark.kafka
TOPIC = RecordReceived.topic.name
SECURED = """
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={certificate}
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
 user_{user}="{password}";
"""


@pytest.fixture(scope="module")
def secured(certificate: Path) -> Iterator[str]:
    """A broker of its own, started once more with a listener that wants TLS and a login; its host and port."""
    if missing := missing_tools():
        pytest.skip(f"kafka cannot be started: no {' and no '.join(missing)} here")
    with started("kafka") as broker:
        port = free_ports()
        broker.run("term", "1")
        _open(broker, port, certificate)
        broker.run("start-node", "1")
        yield f"127.0.0.1:{port}"


def _open(broker: Engine, port: int, certificate: Path) -> None:
    plain = int(broker.address.rpartition(":")[2])
    told = SECURED.format(
        plain=plain, controller=plain + 1, secured=port, certificate=certificate, user=USER, password=PASSWORD
    )
    properties = Path(broker._env["ENGINES_HOME"]) / "1" / "server.properties"
    kept = [line for line in properties.read_text().splitlines() if not line.startswith("listeners=")]
    properties.write_text("\n".join(kept) + told)


def test_every_client_comes_in(secured: str, certificate: Path) -> None:
    url = f"kafkas://{USER}:{QUOTED}@{secured}?mechanism=PLAIN&ca={certificate}.crt"
    assert TOPIC in ensure_topics(url, {TOPIC: ["g"]})
    assert describe_topics(url, [TOPIC])[TOPIC]["num_partitions"] == RecordReceived.topic.partitions

    async def main() -> list[bytes | None]:
        bus = open_bus(url)
        try:
            assert "Kafka" in await bus.check()
            await bus.put([Record(TOPIC, 0, 0, f"k{n}", b"v") for n in range(5)])
            return [record.value async for record in bus.scan(TOPIC)]
        finally:
            await bus.close()

    assert asyncio.run(main()) == [b"v"] * 5


@pytest.mark.parametrize(
    ("login", "trusted", "told"),
    [
        (f"kafkas://{USER}:hunter2@", True, f"refuses the login of “{USER}”"),
        (f"kafkas://{USER}:{QUOTED}@", False, "self-signed certificate; set ?ca=FILE"),
        ("kafkas://", True, ""),
        ("kafka://", False, ""),
    ],
    ids=["a wrong password", "an unknown authority", "no login", "in clear"],
)
def test_others_do_not_and_no_password_is_shown(
    secured: str, certificate: Path, login: str, trusted: bool, told: str
) -> None:
    """Who gives no login is not told whether that, or a broker that is away, is why there is no answer."""
    ca = f"&ca={certificate}.crt" if trusted else ""

    async def main() -> None:
        bus = open_bus(f"{login}{secured}?mechanism=PLAIN{ca}")
        try:
            with pytest.raises(Misconfigured if told else Unavailable) as error:
                await asyncio.wait_for(bus.check(), 60)
            assert told in str(error.value)
            assert "hunter2" not in str(error.value)
            assert PASSWORD not in str(error.value)
        finally:
            await bus.close()
            await asyncio.sleep(0.5)  # TLS says good-bye, to a connection that failed, too

    asyncio.run(main())
