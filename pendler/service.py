"""A service as a value: a name, handlers, jobs, an HTTP router. Nothing here knows a broker or an engine.

Service    what `build(ports...)` of each service returns
Handler    a batch of events of one topic, in order -> Result
Job        work that no event asks for
Result     events to publish, then state to write

Reject         this will never work: set it aside at once
Unavailable    an engine is away: wait, as long as it takes
Misconfigured  it will not work until somebody changes a setting
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.event import Erased, Event

if TYPE_CHECKING:
    from fastapi import APIRouter

Fact = Any  # an Event, or Erased on a compacted topic; handlers know which topic they read


class Reject(Exception):
    """It will never work: set aside at once, its neighbours are served."""


class Unavailable(Exception):
    """An engine is away. Raised by adapters only; the delivery waits and loses nothing."""


class Misconfigured(ValueError):
    """An engine is there, but not as it must be. The message says what is wrong and what to do about it."""


def later(message: str) -> str:
    """Marks a message that is spoken later, in the reader's language."""
    return message


async def nothing() -> None:
    """Writes no state."""


@dataclass(frozen=True)
class Result:
    """What handling came to: `events` are published first, and only when they are durable is `write` awaited.

    A kill between the two repeats the handling, which reads the old state and comes to the same events.
    """

    events: Sequence[Event | Erased] = ()
    write: Callable[[], Awaitable[None]] = nothing


@dataclass(frozen=True)
class Handler:
    """`run` gets at most `size` facts of one topic, after waiting at most `linger` seconds for more to come.

    `aside` says what to do when a fact that can be decoded is set aside, so that its sender learns of it.
    """

    run: Callable[[Sequence[Fact]], Awaitable[Result]]
    size: int = 500
    linger: float = 0.0
    aside: Callable[[Fact, str], Awaitable[Result]] | None = None


@dataclass(frozen=True)
class Job:
    """`run` is awaited each `every` seconds; with `once`, by one instance of the service at a time."""

    name: str
    every: float
    run: Callable[[], Awaitable[Result]]
    once: bool = True


@dataclass(frozen=True)
class Ledger:
    """What a service counts and holds, for the audit.

    `counts` are sums by name; `open` is the version of each open vacancy it knows of. The audit compares.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    open: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Service:
    """A service. `name` is its consumer group, too."""

    name: str
    title: str = ""
    delayed: str = ""
    """For people: what it does, and what it means for them while it does not. English; spoken by `Speech`."""
    handlers: Mapping[type[Event], Handler] = field(default_factory=dict)
    emits: Sequence[type[Event]] = ()
    jobs: Sequence[Job] = ()
    api: "Callable[[], APIRouter] | None" = None
    """Makes its routes; called by the web process alone, so that workers load nothing of HTTP."""
    ledger: Callable[[], Awaitable[Ledger]] | None = None
    trace: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]] | None = None
    checks: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    """Asks each engine of the service: gives what it says it is; raises `Unavailable` or `Misconfigured`."""
    start: Callable[[], Awaitable[None]] = nothing
    """Awaited in the worker before the first batch."""
    close: Callable[[], Awaitable[None]] = nothing

    @property
    def works(self) -> bool:
        """Whether it has anything to do in a worker; one that only answers HTTP has not."""
        return bool(self.handlers or self.jobs)
