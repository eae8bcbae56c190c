"""Which of many points lie in a circle, and how far off. Pure.

A search may meet 20,000 points, so they are measured all at once; what lies at the very rim, where that might be
rounded otherwise than for one point alone, is measured by itself.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pendler.searchable import Point, within
from pendler.wanted import Wanted

KM_PER_DEGREE = 111.0
"""A little less than there are, so that a box is never too small."""
RIM_KM = 1e-6


def written(point: Point) -> str:
    """A point as the index holds it."""
    return f"{point[0]:.5f},{point[1]:.5f}"


def height(km: float) -> float:
    """Degrees of latitude that a circle reaches to either side, and a little more."""
    return km / KM_PER_DEGREE + 0.01


def nearest_first(wanted: Wanted, points: Sequence[str]) -> dict[str, float]:
    """Those of the points that are as near as is wanted, with their kilometres."""
    assert wanted.origin
    if not points:
        return {}
    far = _kilometres((wanted.origin.lat, wanted.origin.lon), points)
    found = np.flatnonzero(far <= wanted.km + RIM_KM)
    near = found[np.argsort(far[found], kind="stable")]
    sure = wanted.km - RIM_KM if wanted.minutes is None else -1.0
    measured = ((points[n], km) for n, km in zip(near.tolist(), far[near].tolist(), strict=True))
    return {text: km for text, km in measured if km < sure or within(wanted, _read(text))}


def _kilometres(start: Point, points: Sequence[str]) -> NDArray[np.float64]:
    """As `distance_km`, of many points."""
    there = np.radians(np.fromstring(",".join(points), sep=",").reshape(-1, 2))
    lat, lon = np.radians(start)
    half = np.sin((there[:, 0] - lat) / 2) ** 2
    half += np.cos(lat) * np.cos(there[:, 0]) * np.sin((there[:, 1] - lon) / 2) ** 2
    return np.asarray(12_742 * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def _read(text: str) -> Point:
    lat, _, lon = text.partition(",")
    return float(lat), float(lon)
