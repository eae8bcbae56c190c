"""The pages of plain words: accessibility, privacy, terms, contact. What they say is what the code does."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], str]


@dataclass(frozen=True)
class Prose:
    """A page: its heading, its paragraphs, where it leads."""

    heading: str
    lines: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


def prose(name: str, _: Say) -> Prose:
    """The page of that name, spoken."""
    return {"accessibility": _accessibility, "privacy": _privacy, "terms": _terms, "contact": _contact}[name](_)


def _accessibility(_: Say) -> Prose:
    return Prose(
        _("Accessibility"),
        (
            _("We aim at WCAG 2.2 AA. Every page works without scripts, by keyboard alone, and four times as large."),
            _("What is wanting: advertisements are shown as their sources wrote them, with their faults."),
            _("Maps show only what the list beside them says, too."),
            _("If something keeps you out, tell the operator; see Contact."),
        ),
    )


def _privacy(_: Say) -> Prose:
    return Prose(
        _("Privacy"),
        (
            _("Searching leaves nothing behind: no cookies, no accounts, no requests to other sites, no profile."),
            _("Who asks for mails gives an address. It is kept with the search until you stop the mails; nobody else "
              "sees it."),
            _("Every mail has a link that ends it at once. Nothing is mailed before you have confirmed."),
            _("The text and the contacts of a vacancy are erased when it closes."),
        ),
    )  # fmt: skip


def _terms(_: Say) -> Prose:
    return Prose(
        _("Terms and rights"),
        (
            _("The advertisements belong to their sources, who say what may be passed on. Each names its source."),
            _("Travel times and what is read from texts are estimates, and marked as such. The advertisement decides."),
            _("The software is free under the EUPL 1.2."),
        ),
        (("/v1", _("For developers")),),
    )


def _contact(_: Say) -> Prose:
    return Prose(
        _("Contact"),
        (
            _("This exchange is run by its operator, who can be reached at the address this site is published under."),
            _("About an advertisement, write to its source: it stands on the page of each vacancy."),
            _("EURES advisers help people on both sides of a border, free of charge."),
        ),
        (("https://eures.europa.eu/", "EURES"), ("/partnerships", _("Border regions"))),
    )
