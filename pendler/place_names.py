"""How countries, postcodes and towns are spelt: the keys under which places are filed and found."""

import re
import unicodedata
from functools import lru_cache

# GeoNames country -> NUTS, where they differ; the first two letters are the country in Eurostat's spelling.
NUTS_OF = {
    "GR": "EL",
    "GB": "UK",
    "AX": "FI2",
    "SJ": "NO0B",
    "GP": "FRY1",
    "MQ": "FRY2",
    "GF": "FRY3",
    "RE": "FRY4",
    "YT": "FRY5",
}
# GeoNames admin1 -> NUTS (without the country), where towns share names and these divisions keep to NUTS:
# so a postcode tells Frankfurt (Oder) from Frankfurt am Main.
ADMIN1 = {
    "AT": "01=11 02=21 03=12 04=31 05=32 06=22 07=33 08=34 09=13",
    "BE": "BRU=1 VLG=2 WAL=3",
    "BG": "46=31 47=31 50=31 63=31 64=31 41=32 52=32 53=32 55=32 62=32 40=33 54=33 60=33 61=33 39=34 56=34"
    " 59=34 65=34 38=41 42=41 45=41 49=41 58=41 43=42 44=42 48=42 51=42 57=42",
    "CH": "GE=01 VD=01 VS=01 BE=02 FR=02 JU=02 NE=02 SO=02 AG=03 BL=03 BS=03 ZH=04 AI=05 AR=05 GL=05"
    " GR=05 SG=05 SH=05 TG=05 LU=06 NW=06 OW=06 SZ=06 UR=06 ZG=06 TI=07",
    "CZ": "52=01 78=06 79=03 80=06 81=04 82=05 83=05 84=07 85=08 86=05 87=03 88=02 89=04 90=07",
    "DE": "01=1 02=2 03=5 04=6 05=7 06=9 07=A 08=B 09=C 10=F 11=4 12=8 13=D 14=E 15=G 16=3",
    "DK": "17=01 18=04 19=05 20=02 21=03",
    "EL": "ESYE11=51 ESYE12=52 ESYE13=53 ESYE14=61 ESYE21=54 ESYE22=62 ESYE23=63 ESYE24=64 ESYE25=65"
    " ESYE31=30 ESYE41=41 ESYE42=42 ESYE43=43",
    "ES": "07=53 27=23 29=30 31=62 32=22 34=12 39=13 51=61 52=24 53=70 54=42 55=41 56=51 57=43 58=11 59=21 60=52",
    "FI": "01=1B 02=1C 05=1C 07=1C 08=1C 09=1C 10=1D 11=1D 12=1D 16=1D 17=1D 18=1D 19=1D 04=19 06=19 13=19 14=19 15=19",
    "FR": "11=1 24=B 27=C 28=D 32=E 44=F 52=G 53=H 75=I 76=J 84=K 93=L 94=M",
    "HR": "01=02 02=02 05=02 10=02 11=02 14=02 17=02 18=02 03=03 04=03 08=03 12=03 13=03 15=03 19=03 21=05"
    " 06=06 07=06 09=06 16=06 20=06",
    "IT": "01=F1 02=F5 03=F6 04=F3 05=H5 06=H4 07=I4 08=C3 09=C4 10=I3 11=F2 12=C1 13=F4 14=G2 15=G1"
    " 16=I1 17=H 18=I2 19=C2 20=H3",
    "NL": "01=13 02=12 03=22 04=11 05=42 06=41 07=3 09=3 10=34 11=3 15=21 16=23",
    "NO": "12=08 13=08 01=08 04=08 34=02 21=06 09=07 18=07 05=07 17=09 20=09 42=09 08=0A 14=0A 46=0A",
    "PL": "72=51 73=61 74=71 75=81 76=43 77=21 78=9 79=52 80=82 81=84 82=63 83=22 84=72 85=62 86=41 87=42",
    "RO": "05=11 06=11 13=11 25=11 31=11 32=11 01=12 09=12 15=12 20=12 27=12 33=12 04=21 07=21 23=21"
    " 28=21 34=21 38=21 08=22 11=22 14=22 18=22 37=22 40=22 03=31 16=31 22=31 30=31 35=31 41=31 42=31"
    " 10=32 43=32 17=41 19=41 26=41 29=41 39=41 02=42 12=42 21=42 36=42",
    "SE": "26=11 15=12 16=12 18=12 21=12 25=12 05=21 08=21 09=21 12=21 02=22 27=22 06=23 28=23 03=31 10=31"
    " 22=31 07=32 24=32 14=33 23=33",
    "SK": "02=01 04=02 06=02 07=02 01=03 08=03 03=04 05=04",
}

# Digits of a postcode where it has nothing else.
FOUR_DIGITS = ("AT", "BE", "BG", "CH", "CY", "DK", "HU", "LI", "LU", "LV", "NO", "SI")
FIVE_DIGITS = ("CZ", "DE", "EE", "EL", "ES", "FI", "FR", "HR", "IT", "LT", "PL", "SE", "SK")
DIGITS = {"IS": 3, "RO": 6} | dict.fromkeys(FOUR_DIGITS, 4) | dict.fromkeys(FIVE_DIGITS, 5)
WITH_LETTERS = {
    "IE": "([A-Z][0-9][0-9W])",
    "MT": "([A-Z]{3})(?![A-Z])",
    "NL": "([0-9]{4})(?![0-9])([A-Z]{2})?",
    "PT": "([0-9]{4})(?:([0-9]{3})|(?![0-9]))",
}
# What may stand before a code, beside the country's own code and its first letter.
PREFIXES = {"EL": "GR", "FI": "FIN|AX", "IE": "IRL", "LI": "FL"}
COUNTRIES = frozenset(DIGITS) | frozenset(WITH_LETTERS) | {"UK"}
UNKNOWN = "??"  # a country that is stated, but not one of these
# So many first characters of a code lie, nearly always, in one region.
AREAS = {"NL": 4, "PT": 4, "FR": 2}

# Where a language is spoken by many at home: a town named in it elsewhere is named by a neighbour.
SPOKEN: dict[str, tuple[str, ...]] = {
    "de": ("DE", "AT", "CH", "LI", "LU"),
    "fr": ("FR", "BE", "LU", "CH"),
    "nl": ("NL", "BE"),
    "it": ("IT", "CH"),
    "sv": ("SE", "FI"),
    "da": ("DK",),
    "nb": ("NO",),
    "en": ("IE", "UK", "MT"),
    "el": ("EL", "CY"),
} | {code: (code.upper(),) for code in ("bg", "es", "fi", "hr", "hu", "lt", "lv", "pl", "pt", "ro", "sk")}
SPOKEN |= {"cs": ("CZ",), "et": ("EE",), "sl": ("SI",), "lb": ("LU",)}

LONGEST = 200  # characters; a longer "town" is not one
# Around a town may stand: "F-06400 "; " Cedex 9", " kommun", " 15e", " C", " a. M."; ", Donau"; "Stadt ".
DIGITS_IN = "[0-9]{4}-[0-9]{3}|[0-9]{4,6}|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}"
CODE = rf"(?:[A-Z]{{1,3}}-)?(?:{DIGITS_IN})(?: ?[A-Z]{{2}}(?=\s))?"
STATED = re.compile(rf"{CODE}(?=\s)|[0-9]{{2}}(?= - )")
BEFORE = re.compile(rf"^(?:{CODE}|[0-9][0-9AB]*)[\s:–-]+")
AFTER = re.compile(
    r"\s+(?:(?i:cedex\b.*|kommune?|stad)|[0-9]+\w*(?:\s+arr\S*)?|[A-ZÆØÅ]{1,2}|[ai]\.\s?[A-Z][a-z]?\.?)$"
)
GENITIVE = re.compile(r"s\s+(?:kommune?|stad)$", re.IGNORECASE)
BREAK = re.compile(r"\s*[,;/|(\n]|\s[–-]+\s")
BEHIND = re.compile(r"^([^(,]+?)\s*(?:\(|,\s*)(el|la|los|las|l'|le|les|os?|as?|de|den|het|'t|'s)\)?$", re.IGNORECASE)
OFFICE = re.compile(r"^(?:stadt|gemeente|gemeinde|ville de|commune de|comune di|city of)\s+", re.IGNORECASE)
LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"})
# Where aa, ae, oe and ue stand for å, ä, ö and ü; Dutch Groeningen is not Groningen.
LOOSE = frozenset(("AT", "CH", "DE", "DK", "EE", "FI", "IS", "LI", "LU", "NO", "SE"))
BEYOND = "\u0530"  # the first letter after Latin, Greek and Cyrillic
BLANK = re.compile(r"[\s-]")
WORD = re.compile(r"[^\W_]+")
SAINTS = dict.fromkeys(("sankt", "sint", "saint"), "st") | {"sainte": "ste"}


def brief(text: str | None) -> str:
    return text.strip() if text and len(text) <= LONGEST else ""


def country_code(text: str | None) -> str:
    """EL and UK for GR and GB, FR for RE; "" when not stated."""
    upper = (text or "").strip().upper()
    code = NUTS_OF.get(upper, upper)[:2] if len(upper) == 2 else UNKNOWN
    return code if code in COUNTRIES else UNKNOWN if upper else ""


@lru_cache(4096)
def region_of(geonames_country: str, admin1: str) -> str:
    """The NUTS region of a place in GeoNames, as far down as is known; it begins with the country."""
    home = NUTS_OF.get(geonames_country, geonames_country)
    within: dict[str, str] = dict(re.findall(r"(\w+)=(\w+)", ADMIN1.get(home, "")))
    return home + within.get(admin1, "")


@lru_cache
def _shape(country: str) -> re.Pattern[str] | None:
    digits = DIGITS.get(country)
    fewest = min(3, AREAS.get(country, 3))
    shape = f"([0-9]{{{fewest},{digits}}})(?![0-9])" if digits else WITH_LETTERS.get(country)
    before = "|".join(filter(None, (country, country[:1], PREFIXES.get(country))))
    return re.compile(f"(?:{before})?{shape}") if shape else None


def postcode_keys(country: str, postcode: str) -> list[str]:
    """The whole code without blanks, hyphens and prefix, lost zeros restored; then its area."""
    shape = _shape(country) if country in COUNTRIES else None
    plain = postcode if postcode.isascii() else unicodedata.normalize("NFKC", postcode)
    compact = BLANK.sub("", plain).upper()
    match = shape.match(compact) if shape else None
    if not match:
        return []
    stated, area = "".join(filter(None, match.groups())), AREAS.get(country)
    code = stated if len(stated) == area else stated.zfill(DIGITS.get(country, 0))
    return list(dict.fromkeys((code, code[:area])))


def postcode_in(town: str) -> str:
    """The code, or the French département, that the text of a town begins with."""
    match = STATED.match(town)
    return match.group() if match else ""


def fold(name: str) -> str:
    """What two spellings of one name share: no case, accents or punctuation, and one word for Saint."""
    bare = name.lower()
    if not name.isascii():
        apart = unicodedata.normalize("NFKD", name.casefold().translate(LETTERS))
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    words = WORD.findall(bare)
    return " ".join(SAINTS.get(word, word) for word in words)


def loosen(key: str, country: str) -> str:
    """In some countries the key without the second letter of aa, ae, oe, ue: so Aabenraa is Åbenrå."""
    return re.sub("(a)[ae]|([ou])e", r"\1\2", key) if country in LOOSE else key


def town_keys(town: str, country: str) -> list[str]:
    """Keys to look for, the whole text first, then without what often stands around a town's name."""
    bare = AFTER.sub("", BEFORE.sub("", town))
    head = BREAK.split(bare, maxsplit=1)[0]
    core = AFTER.sub("", OFFICE.sub("", head))
    # "Bañeza (La)" is filed as "La Bañeza".
    texts = dict.fromkeys((town, BEHIND.sub(r"\2 \1", town), bare, head, core, GENITIVE.sub("", town)))
    strict = dict.fromkeys(fold(text) for text in texts)
    return list(dict.fromkeys(key for name in strict for key in (name, loosen(name, country)) if key))


def city_keys(town: str) -> list[str]:
    """The city in "Berlin-Mitte"; a second hyphen makes it a name of its own, as Nancy-sur-Cluses."""
    parts = BREAK.split(BEFORE.sub("", town), maxsplit=1)[0].split("-")
    return [fold(parts[0])] if len(parts) == 2 else []


def name_keys(name: str, alternatives: list[str], country: str) -> dict[str, int]:
    """The keys of a place, each with its rank: 0 its own, 1 an alternative; 2 and 3 the same, loosened."""
    own, others = fold(name), {fold(other) for other in alternatives if _readable(other)}
    ranks = {loosen(key, country): 3 for key in others} | {loosen(own, country): 2}
    ranks |= dict.fromkeys(others, 1) | {own: 0}
    return {key: rank for key, rank in ranks.items() if key and max(key) < BEYOND}


def _readable(name: str) -> bool:
    """Not an airport's code, nor a transliteration of another script ("li er")."""
    return not name.islower() and not (name.isupper() and len(name) <= 4)
