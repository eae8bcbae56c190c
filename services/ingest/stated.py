"""What an advertisement says of what readers look for, and what it does not. Pure."""

from collections.abc import Callable, Mapping

from schemas.vacancy import Vacancy

FIELDS: Mapping[str, Callable[[Vacancy], object]] = {
    "text": lambda one: any(profile.text for profile in one.profiles),
    "employer": lambda one: one.employer.name,
    "place": lambda one: any(place.city or place.postcode for place in one.locations),
    "occupation": lambda one: one.occupations,
    "pay": lambda one: one.pay,
    "schedule": lambda one: one.schedule,
    "offering": lambda one: one.offering,
    "positions": lambda one: one.positions,
    "published": lambda one: one.published,
    "end": lambda one: one.apply_by or one.expires,
    "education": lambda one: one.education,
    "experience": lambda one: one.experience,
    "languages": lambda one: one.languages or one.working_languages,
    "apply": lambda one: one.apply.url or one.apply.email or one.apply.instructions,
}
"""What a reader looks for. A score never asks for what few advertisements have: licences, programmes."""


def unsaid(vacancy: Vacancy | None) -> list[str]:
    """The fields of which an advertisement says nothing."""
    return [name for name, says in FIELDS.items() if vacancy and not says(vacancy)]
