"""The pieces of an HR-XML 3.2 PositionOpening: where, who, what for, what is asked and how to apply."""

import re
from datetime import date
from html import unescape

from schemas import vacancy as v
from services.ingest.fields import codes, dates
from services.ingest.fields.channels import link_in, mail_in
from services.ingest.fields.esco import coded
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.pay import stated
from services.ingest.fields.record import Node
from services.ingest.fields.strict import Read, mailbox

PROFILE = "PositionProfile"
ORGANISATION = f"{PROFILE}/PositionOrganization"
QUALIFICATIONS = f"{PROFILE}/PositionQualifications"
EXPERIENCE = f"{QUALIFICATIONS}/ExperienceSummary/ExperienceCategory"
POSTING = f"{PROFILE}/PostingInstruction"
METHOD = f"{POSTING}/ApplicationMethod"
PERIOD = f"{PROFILE}/PositionPeriod"
PACKAGE = f"{PROFILE}/OfferedRemunerationPackage"
WITHOUT_A_FIELD = {
    "requester": "PostingRequester/PartyName",
    "alternate_ids": "AlternateDocumentID",
    "organisation_size": f"{ORGANISATION}/OrganizationSizeCode",
    "qualifications": f"{QUALIFICATIONS}/EducationRequirement/DegreeTypeCode",
    "experience_in": f"{EXPERIENCE}/CategoryCode",
    "end": f"{PERIOD}/EndDate",
    "benefits": f"{PACKAGE}/BenefitsSummary",
    "travel": f"{PROFILE}/TravelPreference",
}
MOST_PLACES = 100
YEARS_IN = {"year": 1.0, "month": 1 / 12, "week": 1 / 52, "day": 1 / 365}
NOT_STATED = ("na", "n/a", "n.a.", "-")
_HREF = re.compile(r'<a href="(?:mailto:)?([^"]+)"')


def locations(opening: Node) -> tuple[v.Location, ...]:
    """The places of work, each once."""
    found = (_location(node) for node in opening.each(f"{PROFILE}/PositionLocation/Address"))
    places = list(dict.fromkeys(place for place in found if place != v.Location()))
    if len(places) > MOST_PLACES:
        opening.notes.warn("too-many-places", f"/{PROFILE}/PositionLocation", len(places), f"at most {MOST_PLACES}")
    return tuple(places[:MOST_PLACES])


def _location(address: Node) -> v.Location:
    street = [" ".join(filter(None, (address.text("StreetName", 200), address.text("BuildingNumber", 50))))]
    return v.Location(
        country=address.read("CountryCode", codes.country),
        postcode=address.text("PostalCode", 20),
        city=address.text("CityName", 200),
        address=address.notes.line(", ".join(filter(None, address.texts("AddressLine") + street)), address.at),
        nuts=address.read("CountrySubDivisionCode", codes.nuts),
    )


def employer(opening: Node) -> v.Employer:
    """The organisation, of which the first profile that names it is believed."""
    identifiers = f"{ORGANISATION}/OrganizationIdentifiers"
    return v.Employer(
        name=plain(opening.text(f"{identifiers}/OrganizationName")),
        legal_id=opening.text(f"{identifiers}/OrganizationLegalID"),
        description=sanitise(opening.markup(f"{ORGANISATION}/Description"))[1] or None,
    )


def start(opening: Node) -> tuple[date | None, str | None]:
    """A day, and the words that stand for one or beside it."""
    formatted = opening.text(f"{PERIOD}/StartDate/FormattedDateTime")
    words = opening.text(f"{PERIOD}/StartDate/DateText")
    if not formatted and not words:
        words = opening.text(f"{PERIOD}/StartDate")
    for written, beside in ((formatted, words), (words, None)):
        day, _ = dates.day_or_words(written)
        if day:
            return day, beside
    words = words or formatted
    return None, None if words and words.casefold() in NOT_STATED else words


def pay(opening: Node) -> v.Pay | None:
    """The base pay of the package: of several ranges the first."""
    ranges = opening.each(f"{PACKAGE}/RemunerationRange")
    base = (node for node in ranges if (node.text("RemunerationTypeCode") or "BasePay").casefold() == "basepay")
    described = opening.text(f"{PACKAGE}/Description")
    if (found := next(base, None)) is None:
        return stated(source_text=described)
    amounts = found.each("MinimumAmount") + found.each("MaximumAmount")
    currencies = (node.element.get(name) for node in amounts for name in ("currencyID", "currencyCode"))
    interval = "RemunerationIntervalCode" if found.each("RemunerationIntervalCode") else "RemunerationRateIntervalCode"
    return stated(
        found.read("MinimumAmount", codes.amount),
        found.read("MaximumAmount", codes.amount),
        found.notes.keep(codes.currency(next(filter(None, currencies), None), found.at)),
        found.read(interval, codes.one_of(v.Interval)),
        found.text("Description") or described,
    )


def education(opening: Node) -> tuple[str, ...]:
    """The levels asked for."""
    nodes = opening.each(f"{QUALIFICATIONS}/EducationRequirement/EducationLevelCode")
    levels = [node.notes.keep(codes.education(node.written, node.at, node.element.get("listName"))) for node in nodes]
    return tuple(dict.fromkeys(level for level in levels if level))


def experience(opening: Node) -> v.Experience | None:
    """The longest experience asked for, in years."""
    measures = (
        node.notes.keep(_years(node.written, node.at, node.element.get("unitCode")))
        for node in opening.each(f"{EXPERIENCE}/Measure")
    )
    years = max((found for found in measures if found is not None), default=None)
    result = v.Experience(years=years, description=opening.text(f"{EXPERIENCE}/Description"))
    return None if result == v.Experience() else result


def _years(value: str, at: str, unit: str | None) -> Read[float]:
    found, reason = codes.amount(value, at)
    if found is None:
        return None, reason
    share = YEARS_IN.get((unit or "").strip().casefold())
    if share is None or found * share > 60:
        return None, codes.unknown(f"{value} {unit}", at, "up to 60 years, in year, month, week or day")
    return round(found * share, 2), None


def languages(opening: Node) -> tuple[v.LanguageSkill, ...]:
    """The languages asked for; a level counts where all its dimensions agree."""
    found = (_language(node) for node in _competencies(opening, language=True))
    return tuple(dict.fromkeys(skill for skill in found if skill))


def _language(node: Node) -> v.LanguageSkill | None:
    code = node.read("CompetencyID", codes.language)
    desired = None if node.each("RequiredProficiencyLevel") else node.text("DesiredProficiencyLevel")
    levels = [desired] if desired else node.texts("RequiredProficiencyLevel") or node.texts("CompetencyDimension/Score")
    if len(levels) > 1:
        node.notes.warn("levels-differ", node.at, " ".join(filter(None, levels)), "one level for each language")
    level = node.notes.keep(codes.cefr(levels[0], node.at)) if len(levels) == 1 else None
    return v.LanguageSkill(language=code, level=level, required=desired is None) if code else None


def _competencies(opening: Node, *, language: bool) -> list[Node]:
    nodes = opening.each(f"{QUALIFICATIONS}/PositionCompetency")
    return [node for node in nodes if ("language" in (node.text("TaxonomyID") or "").casefold()) is language]


def occupations(opening: Node) -> tuple[v.OccupationCode, ...]:
    """The codes as given: digits for ISCO-08, the whole URI for ESCO."""
    found = (_occupation(node) for node in opening.each(f"{PROFILE}/JobCategoryCode") if node.written)
    return tuple(dict.fromkeys(code for code in found if code))


def _occupation(node: Node) -> v.OccupationCode | None:
    written, listed = node.text(".", 200) or "", (node.element.get("listName") or "").strip()
    version = node.notes.line(node.element.get("listVersionID"), node.at, 20)
    if not written:
        return None
    if code := coded(written, listed, version):
        return code
    node.notes.warn("scheme-missing", node.at, written, "name the list: listName, listVersionID")
    return None


def eures_flag(opening: Node) -> bool | None:
    """Whether the employer looks for people abroad."""
    options = opening.texts(f"{POSTING}/PostingOptionCode")
    return True if "euresflag" in (option.casefold() for option in options) else None


def apply(opening: Node) -> v.Apply:
    """The instructions with the first link and the first address in them."""
    instructions = next((node for node in opening.each(f"{METHOD}/Instructions") if node.written), None)
    if instructions is None:
        return v.Apply()
    html, text = sanitise(instructions.markup("."), lines=True)
    written = f"{' '.join(unescape(link) for link in _HREF.findall(html))} {text}"
    url = link_in(written, instructions.notes, instructions.at)
    email = mail_in(written, instructions.notes, instructions.at)
    return v.Apply(url=url, email=email, instructions=None if text in ("", url) else text)


def contacts(opening: Node) -> tuple[v.Contact, ...]:
    """The people to ask."""
    found = (_contact(node) for node in opening.each(f"{METHOD}/PersonContact"))
    return tuple(dict.fromkeys(person for person in found if person != v.Contact()))


def _contact(person: Node) -> v.Contact:
    names = person.texts("PersonName/GivenName") + person.texts("PersonName/FamilyName")
    channels: dict[str, Node] = {}
    for channel in person.each("Communication"):
        channels.setdefault((channel.text("ChannelCode") or "").casefold(), channel)
    mail, phone = channels.get("email"), channels.get("telephone") or channels.get("mobiletelephone")
    return v.Contact(
        name=person.text("PersonName/FormattedName") or " ".join(names) or None,
        email=mail and mail.read("URI", mailbox),
        phone=phone and (phone.text("DialNumber") or phone.text("URI")),
    )


def remainder(opening: Node) -> dict[str, object]:
    """What is stated and has no field."""
    stated = {name: opening.texts(path) for name, path in WITHOUT_A_FIELD.items()}
    stated["competencies"] = [
        text for node in _competencies(opening, language=False) for text in node.texts("CompetencyID")
    ]
    return {name: texts for name, texts in stated.items() if texts}
