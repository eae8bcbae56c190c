"""ESCO from the Commission's public web service into the CSV files that `pendler esco import` reads.

    GET /resource/{concept,occupation,skill}?isInScheme=URI&language=en&selectedVersion=v1.2.0&limit=100&offset=0
    -> {"total", "_embedded": {URI: resource}, "_links": {"next": {"href"}}}

A resource has `preferredLabel` {language: text}, `alternativeLabel` {language: [text]}, `status`, and `_links` to its
ISCO group and skills. Norwegian is `no`. Written from its published description, not tried against the live service.
Pages are kept as they came in `pages-VERSION/`, so a run that was stopped goes on at the page where it was.
"""

import csv
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from pendler.esco import PREFIX

Resource = dict[str, Any]
KINDS = {"concept": "isco", "occupation": "occupations", "skill": "skills"}
"""Kind of resource -> its concept scheme."""
PAGE, TRIES, LONGEST_WAIT = 100, 6, 600.0
BUSY = {429, 500, 502, 503, 504}
COLUMNS = {
    "occupations": ("conceptUri", "iscoGroup", "preferredLabel", "altLabels", "status"),
    "ISCOGroups": ("conceptUri", "code", "preferredLabel", "altLabels"),
    "skills": ("conceptUri", "preferredLabel", "altLabels", "status"),
}


class NotFetched(Exception):
    """The service refuses, is away, or answers something else; says what. What was fetched is kept."""


@dataclass(frozen=True)
class _Service:
    """One connection to the service, and how long it is left alone after each answer."""

    client: httpx2.Client
    address: str
    pause: float

    def get(self, url: str) -> Resource:
        """One page. Waits as long as the service asks for (`Retry-After`), or twice as long each time."""
        for attempt in range(TRIES):
            wait = min(LONGEST_WAIT, self.pause * 2**attempt)
            try:
                answer = self.client.get(url)
            except httpx2.HTTPError as error:
                wrong = f"{url}: {error!r}"
            else:
                if answer.status_code == httpx2.codes.OK:
                    time.sleep(self.pause)
                    return _page(url, answer)
                wrong = f"{url} answers {answer.status_code}"
                if answer.status_code not in BUSY:
                    break
                wait = max(wait, min(LONGEST_WAIT, _seconds(answer.headers.get("Retry-After"))))
            time.sleep(wait)
        raise NotFetched(f"{wrong}; what is fetched is kept, run it again later")


def _page(url: str, answer: httpx2.Response) -> Resource:
    try:
        page = answer.json()
        if isinstance(page["_embedded"], dict):
            return dict(page)
    except (ValueError, TypeError, KeyError):
        pass
    raise NotFetched(f"{url} answers no page of resources; is it the web service of ESCO?")


def _seconds(told: str | None) -> float:
    return float(told) if told and told.isdigit() else 0.0


def fetch(
    address: str, folder: Path, languages: Sequence[str], version: str, pause: float, tell: Callable[[str], None]
) -> None:
    """Fetches what is not there yet and writes the CSV files of these languages. Raises NotFetched."""
    pages = folder / f"pages-{version}"
    pages.mkdir(parents=True, exist_ok=True)
    limits = httpx2.Limits(max_connections=1)
    headers = {"Accept": "application/json", "User-Agent": "pendler"}
    with httpx2.Client(headers=headers, timeout=60, limits=limits, follow_redirects=False) as client:
        service = _Service(client, address.rstrip("/"), pause)
        for kind, scheme in KINDS.items():
            _fetch_all(service, pages, kind, f"{PREFIX}concept-scheme/{scheme}", version, tell)
    for language in languages:
        _write(folder, "ISCOGroups", language, (_group(one, language) for one in _kept(pages, "concept")))
        _write(folder, "occupations", language, (_occupation(one, language) for one in _kept(pages, "occupation")))
        _write(folder, "skills", language, (_skill(one, language) for one in _kept(pages, "skill")))
    _write_relations(folder, _kept(pages, "occupation"))
    tell(f"{folder}: {', '.join(languages)}; next: pendler esco import {folder}")


def _fetch_all(
    service: _Service, pages: Path, kind: str, scheme: str, version: str, tell: Callable[[str], None]
) -> None:
    """All pages of a kind, from the last that is kept on; it says itself which one comes next."""
    asked = httpx2.QueryParams(isInScheme=scheme, language="en", selectedVersion=version, limit=PAGE, offset=0)
    url: str | None = f"{service.address}/resource/{kind}?{asked}"
    done = sorted(pages.glob(f"{kind}-*.json"))
    if done:
        url = _next(service, json.loads(done[-1].read_text("utf-8")))
    number = len(done)
    while url:
        page = service.get(url)
        number += 1
        part = pages / f"{kind}.part"
        part.write_text(json.dumps(page), "utf-8")
        part.rename(pages / f"{kind}-{number:05}.json")
        tell(f"{kind}: page {number}, of {page.get('total', '?')} {kind}s {number * PAGE} at most")
        url = _next(service, page)


def _next(service: _Service, page: Resource) -> str | None:
    """The address of the next page: on the same host, or it is not followed."""
    href: str | None = (page.get("_links") or {}).get("next", {}).get("href")
    if not href or not page["_embedded"]:
        return None
    url: str = urljoin(f"{service.address}/", href)
    if urlsplit(url)[:2] != urlsplit(service.address)[:2]:
        raise NotFetched(f"the next page is said to be elsewhere: {url}")
    return url


def _kept(pages: Path, kind: str) -> Iterator[Resource]:
    for path in sorted(pages.glob(f"{kind}-*.json")):
        for uri, resource in json.loads(path.read_text("utf-8"))["_embedded"].items():
            yield {"uri": uri, **resource}


def _labels(resource: Resource, language: str) -> dict[str, str]:
    preferred = (resource.get("preferredLabel") or {}).get(language, "")
    others = (resource.get("alternativeLabel") or {}).get(language, [])
    return {"conceptUri": resource["uri"], "preferredLabel": preferred, "altLabels": "\n".join(others)}


def _group(resource: Resource, language: str) -> dict[str, str]:
    return {**_labels(resource, language), "code": str(resource.get("code") or resource["uri"].rpartition("/C")[2])}


def _occupation(resource: Resource, language: str) -> dict[str, str]:
    """A row; the ISCO group is in the links, else the code begins with it (`7212.3`)."""
    linked = next(iter(_linked(resource, "broaderIscoGroup")), "").rpartition("/C")[2]
    isco = linked or str(resource.get("code") or "").partition(".")[0]
    return {**_skill(resource, language), "iscoGroup": isco}


def _skill(resource: Resource, language: str) -> dict[str, str]:
    return {**_labels(resource, language), "status": resource.get("status") or "released"}


def _linked(resource: Resource, name: str) -> list[str]:
    links = (resource.get("_links") or {}).get(name) or []
    return [link["uri"] for link in (links if isinstance(links, list) else [links]) if link.get("uri")]


def _write(folder: Path, kind: str, language: str, rows: Iterator[Mapping[str, str]]) -> None:
    with (folder / f"{kind}_{language}.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, COLUMNS[kind])
        table.writeheader()
        table.writerows(rows)


def _write_relations(folder: Path, occupations: Iterator[Resource]) -> None:
    with (folder / "occupationSkillRelations_en.csv").open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(["occupationUri", "relationType", "skillUri"])
        for one in occupations:
            for name, kind in (("hasEssentialSkill", "essential"), ("hasOptionalSkill", "optional")):
                table.writerows([one["uri"], kind, skill] for skill in _linked(one, name))
