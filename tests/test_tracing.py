"""One trace leads from a delivery to the mail: the header goes on from hop to hop, and spans reach a real collector."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.exchange import running, wait_for
from bench.oracle import subscribe
from bench.records import records
from pendler import tracing
from pendler.bus import Record, encode
from schemas.event import Erased

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Collector:
    """An OpenTelemetry collector on loopback that keeps the spans it is sent: name -> (span id, parent id) of each."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, str]] = []
        outer = self

        class Post(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        outer.spans += [
                            (one.name, one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex())
                            for one in scope.spans
                        ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keeps quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Post)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_one_trace_from_the_post_to_the_mail(tmp_path: Path, places_file: Path, collector: Collector) -> None:
    [body] = records(1, published="2099-01-01T00:00:00")
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    with running(tmp_path / "home", places_file, **environment) as exchange:
        key = exchange.key("se")
        [first] = records(1, prefix="first")
        exchange.push("se", "se_jobtech", key, first, Prefer="wait=30")
        subscribe(exchange, source="se")
        exchange.push("se", "se_jobtech", key, body, Prefer="wait=30", traceparent=TRACE)
        wait_for(lambda: "mail" in told(exchange), 40, "the mail")
        hops = json.loads(exchange.command("trace", "se:r0", "--json"))
    spans = {identity: (name, parent) for name, trace, identity, parent in collector.spans if trace == TRACE[3:35]}
    (mail,) = (identity for identity, (name, _) in spans.items() if name == "mail")
    assert way(spans, mail) == [
        "POST /v1/sources", "ingest record.received.v1", "match vacancy.normalised.v1", "notify vacancy.matched.v1",
        "mail",
    ]  # fmt: skip
    assert {name for name, _ in spans.values()} >= {"search vacancy.matched.v1"}
    assert all(hop["trace"][3:35] == TRACE[3:35] for hop in hops if hop["hop"].endswith(".v1"))


def told(exchange: object) -> str:
    """What `pendler trace` tells of the record's mails."""
    hops = json.loads(exchange.command("trace", "se:r0", "--json", check=False))  # type: ignore[attr-defined]
    return "mail" if any(hop.get("state") == "sent" for hop in hops) else ""


def way(spans: dict[str, tuple[str, str]], last: str) -> list[str]:
    """The names from the first span of a trace to `last`."""
    names: list[str] = []
    while last in spans:
        name, last = spans[last]
        names.insert(0, name)
    return names


@pytest.mark.parametrize("sent", ["", "nonsense", TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32)])
def test_a_request_without_a_usable_trace_begins_one(sent: str) -> None:
    with tracing.span("x", sent):
        begun = tracing.carried("any key")
    assert tracing.SHAPE.match(begun)
    assert tracing.carried("any key") == ""


def test_each_event_is_told_in_the_trace_of_its_own_record() -> None:
    other = TRACE.replace("4bf9", "0000")
    with tracing.following("x", [Record("t", 0, 0, "a", b"", {"traceparent": TRACE}), Record("t", 0, 1, "b", b"")]):
        assert [tracing.carried(key) for key in ("a", "b")] == [TRACE, ""]
        with tracing.following("y", [Record("t", 0, 0, "b", b"", {"traceparent": other})]):
            assert [tracing.carried(key) for key in ("a", "b")] == ["", other]


def test_a_tombstone_has_no_headers() -> None:
    with tracing.span("x", TRACE):
        assert encode(Erased("a:1")).headers == {}
