"""The pieces of HR-XML documents before version 3, wherever its dialects keep them."""

from schemas import vacancy as v
from services.ingest.feed import Flaw
from services.ingest.fields import codes, employment
from services.ingest.fields import pay as money
from services.ingest.fields.record import Node

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
STATUSES = {
    "active": v.Status.ACTIVE,
    "new": v.Status.ACTIVE,
    "revised": v.Status.ACTIVE,
    "inactive": v.Status.CLOSED,
    "closed": v.Status.CLOSED,
    "filled": v.Status.CLOSED,
    "cancelled": v.Status.CLOSED,
    "canceled": v.Status.CLOSED,
    "withdrawn": v.Status.WITHDRAWN,
    "expired": v.Status.EXPIRED,
}
KINDS = {"temptohire": v.Offering.TEMPORARY_TO_HIRE, "trainee": v.Offering.INTERNSHIP}
DETAIL = "PositionProfile/PositionDetail"
POSTING = "JobPositionInformation/JobPositionDescription"
SALARIES = {"SalaryHourly": "hour", "SalaryDaily": "day", "SalaryMonthly": "month", "SalaryAnnual": "year"}
NUMBERS = ("BKZ", "OccupationNameID")
FULL = 100
MOST_PLACES = 100


def first(document: Node, paths: tuple[str, ...], limit: int = 500) -> str | None:
    """The first of several elements that has a text."""
    return next(filter(None, (document.text(path, limit) for path in paths)), None)


def at(document: Node, path: str) -> str | None:
    """The text of an element or, behind an @, of an attribute."""
    above, attribute, name = path.rpartition("@")
    if not attribute:
        return document.text(path)
    nodes = document.each(above.rstrip("/") or ".")
    return next(filter(None, (document.notes.line(node.element.get(name), node.at) for node in nodes)), None)


def status(document: Node, path: str) -> tuple[v.Status, str | None]:
    """A status nobody knows is refused: taking it for active could reopen what is over."""
    word = at(document, path)
    found = STATUSES.get(word.casefold()) if word else v.Status.ACTIVE
    if found is None:
        raise Flaw("status-unknown", f"/{path}", word, f"one of {', '.join(STATUSES)}")
    return found, None if found is v.Status.ACTIVE else f"status {word}"


def locations(document: Node, path: str) -> tuple[v.Location, ...]:
    """The places of work, each once."""
    places = dict.fromkeys(map(_location, document.each(path)))
    return tuple(place for place in places if place != v.Location())[:MOST_PLACES]


def _location(place: Node) -> v.Location:
    """A postal address, with what areas beside it say; a municipality that is a number is none."""
    areas = {(area.element.get("type") or "").casefold(): area.text("Value", 200) for area in place.each("Area")}
    street = place.text("PostalAddress/DeliveryAddress/StreetName")
    number = place.text("PostalAddress/DeliveryAddress/BuildingNumber", 50)
    town = place.text("PostalAddress/Municipality", 200) or areas.get("municipality")
    address = " ".join(filter(None, (street, number))) or place.text("PostalAddress/DeliveryAddress/AddressLine")
    stated, country = areas.get("countrycode"), place.text("PostalAddress/CountryCode")
    return v.Location(
        country=place.notes.keep(codes.country(stated or country, f"{place.at}/PostalAddress/CountryCode")),
        postcode=place.text("PostalAddress/PostalCode", 20),
        city=None if town and town.isdecimal() else town,
        address=address or first(place, ("Name", "WorkSiteName", "PostalAddress/Region")),
    )


def schedule(document: Node) -> v.Schedule | None:
    """In words, as a share of full time, or as an element of that name."""
    kinds = _names_below(document, f"{POSTING}//Schedule")
    for node in document.each(f"{DETAIL}/PositionSchedule"):
        share, _ = codes.amount(node.element.get("percentage"), "", 1, 200)
        if share is not None:
            return v.Schedule.FULL_TIME if share >= FULL else v.Schedule.PART_TIME
        kinds.append(node.written)
    return employment.schedule(kinds)


def _names_below(document: Node, path: str) -> list[str]:
    children = (child for node in document.each(path) for child in node.element.iterchildren())
    return [child.tag.rpartition("}")[2] for child in children]


def offering(document: Node) -> v.Offering | None:
    """By its classification; an order for staff is temporary, a duration says regular or temporary."""
    if document.each("StaffingPosition"):
        return v.Offering.TEMPORARY
    names = _names_below(document, f"{POSTING}//Duration")
    words = [*document.texts(f"{DETAIL}/PositionClassification"), *document.texts(f"{DETAIL}/PositionSchedule"), *names]
    words = ["permanent" if word == "Regular" else word for word in words]
    known = (KINDS.get(word.replace(" ", "").casefold()) for word in words)
    return next(filter(None, known), None) or employment.offering(words)


def pay(document: Node) -> v.Pay | None:
    """Base pay, the proposed rate of an order, or a salary named after its interval."""
    for base in document.each(f"{DETAIL}/RemunerationPackage/BasePay"):
        written = (base.text("BasePayAmountMin"), base.text("BasePayAmountMax"))
        return _pay(base, written, base.element.get("currencyCode"), base.element.get("baseInterval"))
    for amount in document.each("StaffingPosition/Rates/Amount"):
        unit = amount.element.get("rateAmountPeriod")
        return _pay(amount, (amount.written, None), amount.element.get("currency"), unit)
    described = document.text(f"{POSTING}/CompensationDescription/SummaryText")
    for name, unit in SALARIES.items():
        for amount in document.each(f"{POSTING}/CompensationDescription/Pay/{name}"):
            return _pay(amount, (amount.written, None), amount.element.get("currency"), unit, described)
    return money.stated(source_text=described)


def _pay(
    node: Node, written: tuple[str | None, str | None], currency: str | None, unit: str | None, text: str | None = None
) -> v.Pay | None:
    low, high = money.between(node.notes, node.at, written)
    named = node.notes.keep(codes.currency(currency, f"{node.at}/@currency"))
    return money.stated(low, high, named, employment.interval(unit), text)


def experience(document: Node) -> v.Experience | None:
    """Years, as an attribute of a qualification."""
    wanted = document.each("JobPositionInformation//Qualification")
    years = (node.attribute("yearsOfExperience", codes.amount) for node in wanted)
    longest = max((found for found in years if found is not None and found <= 60), default=None)
    return None if longest is None else v.Experience(years=longest)


def licences(document: Node) -> tuple[str, ...]:
    """Categories with commas between, as an attribute of a qualification."""
    found: dict[str, None] = {}
    for node in document.each("JobPositionInformation//Qualification"):
        for category in (node.element.get("category") or "").split(","):
            if licence := node.notes.keep(codes.licence(category, f"{node.at}/@category")):
                found[licence] = None
    return tuple(found)


def occupations(document: Node) -> tuple[v.OccupationCode, ...]:
    """Codes with the name of their list, and the numbers of occupations in Germany and Sweden."""
    found: list[v.OccupationCode] = []
    for node in document.each(f"{DETAIL}/JobCategory"):
        code, listed = node.text("CategoryCode", 200), node.text("TaxonomyName", 60)
        label = node.text("CategoryDescription")
        if code and listed:
            version = next((one.element.get("version") for one in node.each("TaxonomyName")), None)
            scheme = "O*NET" if listed == "ONET" else listed
            found.append(v.OccupationCode(scheme=scheme, version=(version or "")[:20] or None, code=code, label=label))
    for node in document.each("PositionProfile//BKZClassification"):
        if code := node.text("BKZId/IdValue", 200):
            found.append(v.OccupationCode(scheme=NUMBERS[0], code=code, label=node.text("BKZName")))
    for node in document.each("JPPExtension/OccupationGroup"):
        code = document.notes.line(node.element.get("code"), node.at, 200)
        if code and node.element.get("codename") == NUMBERS[1]:
            found.append(v.OccupationCode(scheme="AMS", code=code))
    return tuple(dict.fromkeys(found))


def remainder(document: Node) -> dict[str, object]:
    """What is stated and has no field."""
    named = {
        "supplier": "PositionSupplier/SupplierId/IdValue",
        "end": "PositionProfile/PositionDateInfo/ExpectedEndDate",
        "industry": f"{DETAIL}/IndustryCode",
        "hours": "StaffingPosition/StaffingShift/Hours",
        "order_type": "OrderClassification/@orderType",
        "municipality_code": f"{POSTING}/JobPositionLocation/PostalAddress/Municipality",
    }
    found = {name: at(document, path) for name, path in named.items()}
    return {name: text for name, text in found.items() if text}
