"""The pieces of a French offer: contracts, pay, experience, levels of education, languages, licences."""

import re

from schemas import vacancy as v
from services.ingest.fields import codes
from services.ingest.fields.pay import stated
from services.ingest.fields.record import Record

CONTRACTS = codes.listed(
    {
        "cdi": v.Offering.DIRECT_HIRE,
        "din": v.Offering.DIRECT_HIRE,
        "cdd": v.Offering.TEMPORARY,
        "ddi": v.Offering.TEMPORARY,
        "mis": v.Offering.TEMPORARY,
        "tti": v.Offering.TEMPORARY,
        "sai": v.Offering.SEASONAL,
        "fra": v.Offering.SELF_EMPLOYED,
        "lib": v.Offering.SELF_EMPLOYED,
        "rep": v.Offering.SELF_EMPLOYED,
        "cce": None,
    }
)
schedule = codes.listed({"temps plein": v.Schedule.FULL_TIME, "temps partiel": v.Schedule.PART_TIME})
_LEVELS = codes.listed(
    {
        "aucune formation scolaire": "ISCED0",
        "primaire à 4ème": "ISCED1",
        "3ème achevée ou brevet": "ISCED2",
        "2nd ou 1ère achevée": "ISCED2",
        "cap, bep et équivalents": "ISCED3",
        "bac ou équivalent": "ISCED3",
        "bac+2 ou équivalents": "ISCED5",
        "bac+3, bac+4 ou équivalents": "ISCED6",
        "bac+5 et plus ou équivalents": "ISCED7",
    }
)
_TRAINEES = ("contrat apprentissage", "cont. professionnalisation")
_INTERVALS = {"horaire": v.Interval.HOUR, "mensuel": v.Interval.MONTH, "annuel": v.Interval.YEAR}
_PAY = re.compile(
    r"(?P<interval>Horaire|Mensuel|Annuel) de (?P<low>\d{1,9}(?:[.,]\d+)?) Euros?"
    r"(?: à (?P<high>\d{1,9}(?:[.,]\d+)?) Euros?)?(?: sur (?P<months>\d\d?)(?:[.,]\d+)? mois)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"(\d{1,3}) (an|mois)", re.IGNORECASE)
_DEMANDED = "E"


def offering(offer: Record) -> v.Offering | None:
    """The kind of post: one for trainees is known by the nature of its contract."""
    if (offer.text("/natureContrat") or "").casefold() in _TRAINEES:
        return v.Offering.APPRENTICESHIP
    return offer.read("/typeContrat", CONTRACTS)


def pay(offer: Record) -> v.Pay | None:
    """What the agency formulated is before tax; a comment may be net, and stays as it is."""
    label, comment = offer.text("/salaire/libelle"), offer.text("/salaire/commentaire")
    found = _PAY.match(label or "")
    words = label or (comment if comment and comment.strip(".* ") not in ("", "N/A") else None)
    if not found:
        return stated(source_text=words)
    months = int(found["months"] or 0)
    interval = _INTERVALS[found["interval"].casefold()]
    return stated(
        float(found["low"].replace(",", ".")),
        float(found["high"].replace(",", ".")) if found["high"] else None,
        "EUR",
        interval,
        words,
        months if interval is v.Interval.MONTH and 12 <= months <= 16 else None,
    )


def experience(offer: Record) -> v.Experience | None:
    """`6 Mois` or `2 An(s)`; that beginners are accepted is said, too."""
    wanted, label = offer.text("/experienceExige"), offer.text("/experienceLibelle")
    found = _TIME.match(label or "")
    years = (int(found[1]) / (12 if found[2].casefold() == "mois" else 1)) if found else None
    result = v.Experience(
        years=round(years, 2) if years and years <= 60 else None,
        required={"E": True, "D": False, "S": False}.get(wanted or ""),
        description=label if wanted != "D" else None,
    )
    return None if result == v.Experience() else result


def education(offer: Record) -> tuple[str, ...]:
    """The levels demanded."""
    levels = (one.read("/niveauLibelle", _LEVELS) for one in offer.each("/formations") if _demanded(one))
    return tuple(dict.fromkeys(level for level in levels if level))


def languages(offer: Record) -> tuple[v.LanguageSkill, ...]:
    """The languages asked for, by their French names."""
    found: dict[str, v.LanguageSkill] = {}
    for one in offer.each("/langues"):
        if code := codes.language_named(one.text("/libelle") or "", "fr"):
            found.setdefault(code, v.LanguageSkill(language=code, required=_demanded(one)))
    return tuple(found.values())


def licences(offer: Record) -> tuple[str, ...]:
    """`B - Véhicule léger`."""
    labels = ((one.text("/libelle") or "").partition(" - ")[0] for one in offer.each("/permis"))
    found = (offer.notes.keep(codes.licence(label, "/permis")) for label in labels)
    return tuple(dict.fromkeys(category for category in found if category))


def _demanded(one: Record) -> bool:
    return one.text("/exigence") == _DEMANDED
