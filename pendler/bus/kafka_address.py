"""Reads the URL of a Kafka cluster, once for all the clients that there are of it.

kafka://HOST:PORT[,HOST:PORT...]                     in clear
kafkas://[USER:PASSWORD@]HOST:PORT[,...][?ca=FILE]   under TLS
"""

import ssl
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from pendler.service import Misconfigured

SCHEMES = ("kafka", "kafkas")


class Options(BaseModel):
    """What may follow the URL, `?name=value&...`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_poll_interval_ms: int = Field(300_000, gt=0, description="How long a member may not poll.")
    session_timeout_ms: int = Field(15_000, gt=0, description="How long its silence is taken for its death.")
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field("SCRAM-SHA-512", description="Of the login.")
    ca: str = Field("", description="File of the authority that vouches for the brokers, if no public one does.")
    cert: str = Field("", description="File with a certificate of ours and its key, where brokers want one.")


@dataclass(frozen=True)
class Address:
    """Where a cluster is, and how it is spoken to."""

    servers: list[str]
    user: str
    password: SecretStr
    context: ssl.SSLContext | None
    options: Options

    @property
    def client(self) -> dict[str, Any]:
        """The arguments of a client; aiokafka's and kafka-python's have the same names."""
        secured = "SSL" if self.context else "PLAINTEXT"
        told = {"bootstrap_servers": self.servers, "security_protocol": secured, "ssl_context": self.context}
        if not self.user:
            return told
        return told | {
            "security_protocol": f"SASL_{secured}",
            "sasl_mechanism": self.options.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password.get_secret_value(),
        }


def read(url: str) -> Address:
    """Reads a URL.

    Raises:
        Misconfigured: names what is wrong, never the password.
    """
    scheme, _, rest = url.partition("://")
    login, _, where = rest.rpartition("@")
    servers, _, query = where.partition("?")
    user, _, password = login.partition(":")
    if scheme not in SCHEMES or not servers:
        raise Misconfigured("PENDLER_BUS: expected kafka://HOST:PORT or kafkas://USER:PASSWORD@HOST:PORT")
    try:
        options = Options.model_validate(dict(parse_qsl(query)))
    except ValidationError as error:
        wrong = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
        raise Misconfigured(f"PENDLER_BUS: {wrong}; there are {', '.join(Options.model_fields)}") from None
    if user and scheme == "kafka" and options.mechanism == "PLAIN":
        raise Misconfigured("PENDLER_BUS: PLAIN would send the password in clear; use kafkas:// or a SCRAM mechanism")
    context = _context(options) if scheme == "kafkas" else None
    return Address(servers.split(","), unquote(user), SecretStr(unquote(password)), context, options)


def _context(options: Options) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca or None)
        if options.cert:
            context.load_cert_chain(options.cert)
    except OSError as error:
        raise Misconfigured(f"PENDLER_BUS: ca={options.ca} cert={options.cert}: {error.strerror or error}") from None
    return context
