"""How the bus comes in at a Kafka cluster, and what it says where a broker does not let it in."""

import asyncio
import ssl
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pendler.bus.kafka_address import Address
from pendler.service import Misconfigured

PATIENCE = 5.0
LOGINS = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def security(address: Address) -> BaseSecurity:
    """How FastStream is told what `Address.client` tells the others."""
    tls: dict[str, Any] = {"ssl_context": address.context, "use_ssl": bool(address.context)}
    if not address.user:
        return BaseSecurity(**tls)
    login = LOGINS[address.options.mechanism]
    return login(address.user, address.password.get_secret_value(), **tls)


async def refused(address: Address) -> None:
    """Asks each broker by itself whether it lets us in: clients tell only that none could be reached.

    Raises:
        Misconfigured: one is there and does not; says why.
    """
    told = {name: value for name, value in address.client.items() if name != "bootstrap_servers"}
    for server in address.servers:
        host, _, port = server.rpartition(":")
        try:
            (await asyncio.wait_for(create_conn(host, int(port), **told), PATIENCE)).close()
        except (AuthenticationFailedError, SaslAuthenticationFailed):
            raise Misconfigured(f"PENDLER_BUS: {server} refuses the login of “{address.user}”") from None
        except UnsupportedSaslMechanismError:
            mechanism = address.options.mechanism
            raise Misconfigured(f"PENDLER_BUS: {server} knows no {mechanism}; set ?mechanism=") from None
        except ssl.SSLCertVerificationError as error:
            raise Misconfigured(f"PENDLER_BUS: {server}: {error.verify_message}; set ?ca=FILE") from None
        except (KafkaError, OSError, TimeoutError, ValueError):
            continue
