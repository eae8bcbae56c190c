"""How a long-lived process treats its memory."""

import ctypes
import gc

GARBAGE = 200_000
"""Objects made and not yet gone, after which Python looks for cycles."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
LARGE = 64 * 1024
ARENAS = 2


def give_back() -> None:
    """From now on what is freed goes back to the system, where glibc would keep it: the first thing a process does.

    Batches come and go, and glibc gives every thread a heap that it keeps at its largest.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for parameter, value in ((M_ARENA_MAX, ARENAS), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, 2 * LARGE)):
            libc.mallopt(parameter, value)


def settle_down() -> None:
    """Once all is loaded: what stays is no longer looked through for garbage, and what comes is more seldom.

    A batch of vacancies is many small objects without cycles; by Python's own measure a fifth of all time went into
    looking at them again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)


def clean_up() -> None:
    """Frees what only a look for cycles finds: every mail and page leaves some.

    Where batches are small, Python by itself would look only when that has come to tens of megabytes.
    """
    gc.collect()
