"""One trace from a delivery to the mails it led to (W3C Trace Context; spans by OpenTelemetry).

Every record carries a `traceparent` header. Spans are made only where OpenTelemetry's own environment names an
exporter (`OTEL_EXPORTER_OTLP_ENDPOINT`); without one the header is handed on as it came, which costs next to nothing.
"""

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

HEADER = "traceparent"
WHOLE = ""
EXPORTERS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SHAPE = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_carried: ContextVar[Mapping[str, str]] = ContextVar("carried", default=MappingProxyType({}))
_tracer: "Tracer | None" = None


class Traced(Protocol):
    """What has a key and headers: a record on the bus."""

    @property
    def key(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


def set_up(process: str) -> None:
    """Sends this process's spans to where OpenTelemetry's environment says, if it says so."""
    if not any(os.environ.get(name) for name in EXPORTERS):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    global _tracer
    provider = TracerProvider(resource=Resource.create({"service.name": f"pendler-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("pendler")


def carried(key: str = WHOLE) -> str:
    """The `traceparent` of what is being done about `key`; empty where no trace is known."""
    now = _carried.get()
    return now.get(key) or now.get(WHOLE, "")


@contextmanager
def span(name: str, parent: str = "", **attributes: str | int) -> Iterator[None]:
    """One piece of work, in the trace of `parent` or in a new one."""
    with _carrying({WHOLE: parent if SHAPE.match(parent) else _begun()}, name, attributes):
        yield


@contextmanager
def following(name: str, records: Sequence[Traced]) -> Iterator[None]:
    """The work on a batch: a span for each record that has a trace, in its trace."""
    parents = {record.key: parent for record in records if (parent := record.headers.get(HEADER))}
    with _carrying(parents, name, {}):
        yield


@contextmanager
def _carrying(parents: Mapping[str, str], name: str, attributes: Mapping[str, Any]) -> Iterator[None]:
    spans = (
        {key: _start(name, parent, {**attributes, "key": key}) for key, parent in parents.items()} if _tracer else {}
    )
    token = _carried.set({key: _header(one) for key, one in spans.items()} or parents)
    try:
        yield
    finally:
        with suppress(ValueError):  # left in another context than it was entered in
            _carried.reset(token)
        for one in spans.values():
            one.end()


def _start(name: str, parent: str, attributes: Mapping[str, Any]) -> "Span":
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    assert _tracer is not None
    context = TraceContextTextMapPropagator().extract({HEADER: parent})
    return _tracer.start_span(name, context, attributes=dict(attributes))


def _header(one: "Span") -> str:
    context = one.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _begun() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
