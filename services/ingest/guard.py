"""The feed guard: whether what is absent from a complete snapshot may be closed, or the feed is broken. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

ALWAYS = 50
SHARE = 0.2
OF_MEDIAN = 0.8
RECENT = 10
"""So many of a feed's last snapshots say how large one usually is."""


@dataclass(frozen=True)
class Counts:
    """A snapshot in numbers: records `delivered`, those of them `unnamed` (no id can be read), vacancies that are
    `open` and those of them that are `absent`; `recent` are the sizes of the snapshots before it."""

    delivered: int
    unnamed: int
    open: int
    absent: int
    recent: Sequence[int] = ()
    held_by_hand: bool = False

    @property
    def limit(self) -> int:
        """How many vacancies one snapshot may close."""
        return max(ALWAYS, int(self.open * SHARE))


def verdict(counts: Counts) -> str | None:
    """Why nothing is closed; None where the absent may be."""
    if not counts.absent:
        return None
    told = f"{counts.absent:,} of {counts.open:,} would close"
    usual = median(counts.recent[-RECENT:]) if counts.recent else 0
    if counts.held_by_hand:
        why = "the operator holds this feed"
    elif not counts.delivered:
        why = "the snapshot is empty"
    elif counts.unnamed:
        why = f"{counts.unnamed:,} records have no id that can be read, and may be any of them"
    elif counts.absent > counts.limit:
        why = f"limit {counts.limit:,}"
    elif counts.delivered < usual * OF_MEDIAN:
        why = f"{counts.delivered:,} records where there are usually {usual:,.0f}"
    else:
        return None
    return f"Held: {told}, {why}. Your ads stay open."
