"""What an operator sets: from the environment, from files, and never shown where it is secret."""

import subprocess
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker
from kafka import KafkaAdminClient
from rich.console import Console

from pendler.bus import open_bus
from pendler.bus.kafka import KafkaBus
from pendler.bus.kafka_address import read
from pendler.bus.kafka_login import security
from pendler.service import Misconfigured
from pendler.settings import Settings
from pendler.store import open_store
from pendler.supervisor import _where
from services.notify.mail import open_mail
from services.search.index import open_index

SECRET = "hunter2"
QUOTED = "hunter2%40%2F"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PENDLER_{name.upper()}", raising=False)


def test_a_setting_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STORE": "mongodb://u:p@host\n", "SECRET": "  s3cret\n", "PORT": "8123"}.items():
        (tmp_path / name).write_text(value)
        monkeypatch.setenv(f"PENDLER_{name}_FILE", str(tmp_path / name))
    settings = Settings()
    assert settings.store == "mongodb://u:p@host"
    assert settings.secret.get_secret_value() == settings.signing_key == "s3cret"
    assert settings.port == 8123
    assert Settings(store="file:here").store == "file:here", "what is given in code stands before all"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PENDLER_STORE_FILE": "/nowhere"}, "PENDLER_STORE_FILE=/nowhere cannot be read"),
        ({"PENDLER_STORE_FILE": "/"}, "PENDLER_STORE_FILE=/ cannot be read"),
        ({"PENDLER_STORE_FILE": __file__, "PENDLER_STORE": "file:"}, "both PENDLER_STORE and PENDLER_STORE_FILE"),
    ],
)
def test_a_file_that_is_not_there_or_one_too_many_stops_the_start(environment: dict[str, str], told: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(Misconfigured, match=told):
            Settings()
        done = subprocess.run([sys.executable, "-m", "pendler", "web"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert told in done.stderr
    assert "Traceback" not in done.stderr


URLS = {
    "bus": f"kafkas://user:{QUOTED}@a:9093,b:9093?mechanism=PLAIN",
    "store": f"mongodb://user:{QUOTED}@host/?replicaSet=rs0",
    "index": f"https://user:{QUOTED}@host:9200",
    "mail": f"smtp://user:{QUOTED}@host:587?rate=3",
}


def test_no_password_is_shown() -> None:
    settings = Settings(**URLS)  # type: ignore[arg-type]
    console = Console(record=True, width=200)
    console.print(_where(settings))
    table = console.export_text()
    assert SECRET not in table + repr(settings) + str(settings)
    assert "a:9093,b:9093 " in table
    assert "host:587 " in table


@pytest.mark.parametrize("opened", [open_bus, lambda url: open_store(url, "notify"), open_index, open_mail])
@pytest.mark.parametrize("url", [f"pigeon://user:{SECRET}@loft", f"user:{SECRET}@host", f"kafkas://user:{SECRET}@"])
def test_an_error_about_a_url_shows_no_password(opened: Any, url: str) -> None:
    with pytest.raises(Misconfigured) as error:
        opened(url)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("url", "protocol", "mechanism"),
    [
        ("kafka://a:1,b:2", "PLAINTEXT", None),
        ("kafkas://a:1", "SSL", None),
        (f"kafkas://user:{QUOTED}@a:1", "SASL_SSL", "SCRAM-SHA-512"),
        (f"kafkas://user:{QUOTED}@a:1?mechanism=PLAIN", "SASL_SSL", "PLAIN"),
        (f"kafka://user:{QUOTED}@a:1?mechanism=SCRAM-SHA-256", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
    ],
)
def test_every_client_of_kafka_reads_the_url_alike(url: str, protocol: str, mechanism: str | None) -> None:
    address = read(url)
    told = address.client
    assert (told["security_protocol"], told.get("sasl_mechanism")) == (protocol, mechanism)
    assert (told["ssl_context"] is not None) is protocol.endswith("SSL")
    assert told.get("sasl_plain_password") == ("hunter2@/" if mechanism else None)
    assert SECRET not in repr(address)
    assert set(told) <= set(KafkaAdminClient.DEFAULT_CONFIG), "kafka-python knows these names"
    assert set(told) <= set(signature(AIOKafkaConsumer).parameters), "and so does aiokafka"
    published = KafkaBroker(address.servers, security=security(address))._connection_kwargs
    assert {name: published.get(name) for name in told} == told, "and FastStream is told the same"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("kafka://", "expected kafka://"),
        ("kafka://a:1?sesion_timeout_ms=3", "sesion_timeout_ms: .*there are max_poll"),
        ("kafka://a:1?session_timeout_ms=soon", "session_timeout_ms: "),
        ("kafkas://a:1?mechanism=GSSAPI", "mechanism: "),
        ("kafka://user:pw@a:1?mechanism=PLAIN", "in clear"),
        ("kafkas://a:1?ca=/nowhere.pem", "ca=/nowhere.pem"),
    ],
)
def test_a_bus_url_that_cannot_be_meant_is_refused(url: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        KafkaBus(url)
