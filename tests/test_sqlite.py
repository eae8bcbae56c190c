"""SQLite, as Pendler opens it: several processes at the same new file, in the same moment."""

from multiprocessing.synchronize import Barrier
from pathlib import Path

from pendler.sqlite import connect
from tests.nursery import forkserver

PROCESSES, FILES = 3, 40


def open_each(barrier: Barrier, folder: Path) -> None:
    """Opens new files one after another, each when all are about to."""
    for number in range(FILES):
        barrier.wait(60)
        connect(folder / f"{number}.db").close()


def test_processes_that_start_in_the_same_moment_all_get_in(tmp_path: Path) -> None:
    barrier = forkserver.Barrier(PROCESSES)
    processes = [forkserver.Process(target=open_each, args=(barrier, tmp_path)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
