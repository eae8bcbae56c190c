"""EURES: a vacancy in the shape of the portal's search before 2020, turned into that of the present one."""

from collections.abc import Mapping

SCHEDULES = {"F": ["fulltime"], "P": ["parttime"]}
OFFERINGS = {"P": "directhire", "T": "temporary"}
INTERVALS = {"H": "Hour", "D": "Day", "W": "Week", "M": "Month", "Y": "Year"}


def is_legacy(found: Mapping[str, object]) -> bool:
    """Whether a vacancy has a header, which the present search knows nothing of."""
    return "jobVacancyHeader" in found


def as_present(found: Mapping[str, object]) -> dict[str, object]:
    """The same vacancy as the present search would show it; pay, ends and national numbers stand beside."""
    header, audit, facets = _object(found, "jobVacancyHeader"), _object(found, "auditInfo"), _facets(found)
    flag = next(iter(facets.get("EURES_FLAG", [])), None)
    return {
        "id": header.get("jobVacancyHandle"),
        "title": header.get("title"),
        "description": header.get("jobDescription"),
        "creationDate": audit.get("creationDate"),
        "lastModificationDate": audit.get("modificationDate"),
        "numberOfPosts": header.get("posts"),
        "locationMap": {code[:2]: _of(facets, code[:2]) for code in facets.get("LOCATION", [])},
        "euresFlag": None if flag is None else flag == "true",
        "jobCategoriesCodes": [f"http://data.europa.eu/esco/isco/C{code}" for code in facets.get("OCCUPATION", [])],
        "positionScheduleCodes": [word for code in facets.get("CONTRACT_TYPE", []) for word in SCHEDULES.get(code, [])],
        "positionOfferingCode": next(map(OFFERINGS.get, facets.get("CONTRACT_DURATION", [])), None),
        "employer": {"name": header.get("employerName")},
        "national": {"reference": header.get("dataSourceUniqueJVId"), "source": header.get("dataSourceId")},
        "pay": {
            "low": header.get("minimalSalary"),
            "high": header.get("maximalSalary"),
            "currency": header.get("salaryCurrencyCode"),
            "interval": INTERVALS.get(str(header.get("salaryPeriodCode"))),
        },
        "applyBy": header.get("lastApplicationDate"),
        "startDate": header.get("startDate"),
        "experience": "A" not in facets["EXPERIENCE"] if "EXPERIENCE" in facets else None,
        "demonstration": found.get("demonstration"),
    }


def _facets(found: Mapping[str, object]) -> dict[str, list[str]]:
    facets: dict[str, list[str]] = {}
    listed = found.get("jobFacets")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and isinstance(value := one.get("facetValue"), str):
            facets.setdefault(str(one.get("facetName")), []).append(value)
    return facets


def _of(facets: Mapping[str, list[str]], country: str) -> list[str | None]:
    return [code if len(code) > len(country) else None for code in facets["LOCATION"] if code.startswith(country)]


def _object(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}
