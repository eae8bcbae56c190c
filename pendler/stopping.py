"""When a process stops: at SIGINT, at SIGTERM, and when the process that keeps it running has died."""

import asyncio
import os
import signal

AWAY, MISCONFIGURED = 75, 78
"""Exit codes, of sysexits: an engine is away; set as it is it would never work, and it has said what to do."""
PARENT = "PENDLER_SUPERVISOR"
"""Names the process that keeps this one running; without it, it should not run."""


def stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set, and the death of the supervisor, where there is one."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if parent := os.environ.get(PARENT):
        _orphaned(int(parent), stop, loop)
    return stop


def _orphaned(parent: int, stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    if os.getppid() != parent:
        stop.set()
    else:
        loop.call_later(1, _orphaned, parent, stop, loop)
