"""What search keeps: the newest state of each vacancy, which the API answers from."""

from pendler.store import Collection, Doc, Store
from schemas.event import VacancyMatched

VACANCIES = Collection("vacancies")


def document(event: VacancyMatched) -> Doc:
    return {"version": event.order, "event": event.model_dump_json(exclude_none=True)}


async def kept(store: Store, refs: list[str]) -> dict[str, VacancyMatched]:
    """The vacancies by ref; those that are not there are left out."""
    found = await store.get(VACANCIES, refs)
    return {ref: VacancyMatched.model_validate_json(doc["event"]) for ref, doc in found.items()}
