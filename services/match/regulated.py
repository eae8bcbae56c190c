"""Work that is often regulated, by ISCO group and country: facts in `tables/regulated.csv`, each with its source."""

from collections.abc import Iterable

from schemas.vacancy import Finding, Kind
from services.match.tables import rows

UNION = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EVERYWHERE = frozenset(f"{UNION} CH IS LI NO".split())


def regulated(isco: str, countries: Iterable[str]) -> list[Finding]:
    """What is told of an occupation in the countries of its places; nothing where it is not known to be regulated."""
    given = set(countries)
    found = [row for row in rows("regulated") if row["isco"] == isco and given & _where(row["countries"])]
    return [Finding(kind=Kind.REGULATED, value=isco, evidence=f"{row['work']}: {row['source']}") for row in found]


def _where(countries: str) -> frozenset[str]:
    return EVERYWHERE if countries == "*" else frozenset(countries.split())
