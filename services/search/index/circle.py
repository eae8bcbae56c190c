"""Which of many points lie in a circle, and how far off. Pure.

A search may meet 20,000 points, so they are measured all at once; what lies at the very rim, where that might be
rounded otherwise than for one point alone, is measured by itself.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pendler.searchable import Point, within
from pendler.wanted import Wanted

Floats = NDArray[np.float64]
KM_PER_DEGREE = 111.0
"""A little less than there are, so that a box is never too small."""
RIM_KM = 1e-6


PARTS = 100_000
"""Of a degree: as exactly as the index holds a point, about a metre."""
ROUND = 360 * PARTS + 1


def packed(point: Point) -> int:
    """A point as the index holds it: a number is counted and compared faster than a text."""
    lat, lon = point
    return round((lat + 90) * PARTS) * ROUND + round((lon + 180) * PARTS)


def height(km: float) -> float:
    """Degrees of latitude that a circle reaches to either side, and a little more."""
    return km / KM_PER_DEGREE + 0.01


def nearest_first(wanted: Wanted, points: Sequence[int]) -> dict[int, float]:
    """Those of the points that are as near as is wanted, with their kilometres."""
    assert wanted.origin
    lats, lons = _unpacked(points)
    far = _kilometres((wanted.origin.lat, wanted.origin.lon), np.radians(lats), np.radians(lons))
    found = np.flatnonzero(far <= wanted.km + RIM_KM)
    near = found[np.argsort(far[found], kind="stable")]
    sure = wanted.km - RIM_KM if wanted.minutes is None else -1.0
    measured = zip(near.tolist(), far[near].tolist(), strict=True)
    return {points[n]: km for n, km in measured if km < sure or within(wanted, (float(lats[n]), float(lons[n])))}


def _unpacked(points: Sequence[int]) -> tuple[Floats, Floats]:
    lat, lon = np.divmod(np.array(points, np.int64), ROUND)
    return np.round(lat / PARTS - 90, 5), np.round(lon / PARTS - 180, 5)


def _kilometres(start: Point, lats: Floats, lons: Floats) -> Floats:
    """As `distance_km`, to many points, which come in radians."""
    lat, lon = np.radians(start)
    half = np.sin((lats - lat) / 2) ** 2 + np.cos(lat) * np.cos(lats) * np.sin((lons - lon) / 2) ** 2
    return np.asarray(12_742 * np.arcsin(np.sqrt(np.minimum(half, 1.0))))
