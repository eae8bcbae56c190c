"""Reads the URL of a mail relay."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from pendler.service import Misconfigured


class Options(BaseModel):
    """What may follow the URL, `?name=value&...`. See the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tls: Literal["starttls", "off", ""] = Field("", description="Of smtp: `starttls`, but on loopback `off`.")
    ca: str = Field("", description="File of the authority that vouches for the relay, if no public one does.")
    connections: int = Field(4, ge=1, le=64, description="How many at once.")
    rate: float = Field(0, ge=0, description="Mails a second at the most; 0: as fast as it goes.")


@dataclass(frozen=True)
class Way:
    """Where a relay is and how it is spoken to."""

    host: str
    port: int
    user: str | None
    password: SecretStr
    tls: Literal["implicit", "starttls", "off"]
    options: Options

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


def read(url: str) -> Way:
    """Reads `smtp://USER:PASSWORD@HOST:587?option=value`, or `smtps://` for TLS from the first byte (port 465).

    Raises:
        Misconfigured: names what is wrong, never the password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        options = Options.model_validate(dict(parse_qsl(parts.query)))
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise Misconfigured(f"PENDLER_MAIL: {wrong}; there are {', '.join(Options.model_fields)}") from None
    except ValueError:
        raise Misconfigured("PENDLER_MAIL: no URL; write / : @ ? # in a password as %2F %3A %40 %3F %23") from None
    if not host:
        raise Misconfigured("PENDLER_MAIL: no host; expected smtp://USER:PASSWORD@HOST:587")
    implicit = parts.scheme == "smtps"
    tls = "implicit" if implicit else options.tls or ("off" if _is_here(host) else "starttls")
    if parts.username and tls == "off" and not _is_here(host):
        raise Misconfigured("PENDLER_MAIL: tls=off would send the password in clear; leave one of the two away")
    user = unquote(parts.username) if parts.username else None
    password = SecretStr(unquote(parts.password or ""))
    return Way(host, port or (465 if implicit else 587), user, password, tls, options)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
