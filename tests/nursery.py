"""Processes of an exchange that are born with all of `tests.raised`: a test run starts a few hundred of them.

They are processes like any, to be killed like any; only the second and a half that each would import is spent once.
What `pendler` itself starts, as in `tests/test_flow.py`, starts as it does for everybody.
"""

import atexit
import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from typing import IO

forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(["tests.raised"])


class Born:
    """A process, to be treated as `subprocess.Popen` is."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> None:
        given = (list(arguments), dict(environment), log.name)
        self._process: ForkServerProcess = forkserver.Process(target=live, args=given, daemon=True)
        self._process.start()
        assert self._process.pid
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("pendler", timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def live(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """`pendler ARGUMENTS` in that environment, its output at the end of the log."""
    from pendler.__main__ import main

    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(environment)
    faulthandler.enable()
    sys.argv = ["pendler", *arguments]
    try:
        main(arguments)
    finally:
        atexit._run_exitfuncs()  # which a process of `multiprocessing` leaves out: the last spans leave at the exit
