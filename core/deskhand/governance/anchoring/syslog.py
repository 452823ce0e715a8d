"""Anchors on a log server: syslog messages (RFC 5424) over TLS (RFC 5425)."""

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deskhand.governance.anchoring.place import PlaceError, Sealed
from deskhand.records.audit.anchors import Anchor
from deskhand.records.audit.keys import encoded
from deskhand.records.canonical import written_time

_PRIORITY = 13 * 8 + 5
"""Facility 13, log audit; severity 5, notice (RFC 5424, section 6.2.1)."""
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SyslogPlace:
    """Sends each checkpoint as one message. The protocol acknowledges nothing but the closing of the connection."""

    host: str
    port: int
    ca_file: Path | None = None
    certificate: Path | None = None
    name: str = "syslog"
    every: timedelta | None = None

    def put(self, sealed: Sealed) -> str:
        """Send one message and close the connection in order."""
        message = written(sealed, socket.gethostname(), os.getpid())
        try:
            context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
            if self.certificate is not None:
                context.load_cert_chain(self.certificate)
            with (
                socket.create_connection((self.host, self.port), timeout=_TIMEOUT_SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=self.host) as secured,
            ):
                secured.sendall(framed(message))
                secured.unwrap()
        except ssl.SSLCertVerificationError as error:
            raise PlaceError(
                f"{self.host} did not prove who it is ({error.verify_message}): check host and ca_file"
            ) from error
        except OSError as error:
            raise PlaceError(f"{self.host}:{self.port} took no message ({error}): check the log server") from error
        return f"{self.host}:{self.port}"

    def anchors(self, origin: str) -> tuple[Anchor, ...] | None:
        """Tell that a log server is not read from here: its lines can be given to `deskhand audit verify --anchors`."""
        del origin
        return None


def framed(message: str) -> bytes:
    """Frame a message by its length in bytes (RFC 5425, section 4.3)."""
    content = message.encode()
    return f"{len(content)} ".encode() + content


def written(sealed: Sealed, host: str, process: int) -> str:
    """Write a checkpoint as a message; its last two words are a line of an anchor file."""
    checkpoint = sealed.checkpoint
    values = {
        "origin": checkpoint.origin,
        "epoch": checkpoint.epoch,
        "size": checkpoint.size,
        "root": encoded(checkpoint.root),
    }
    data = " ".join(f'{name}="{_escaped(str(value))}"' for name, value in values.items())
    header = f"<{_PRIORITY}>1 {written_time(checkpoint.at)} {_word(host)} deskhand {process} anchor"
    return f"{header} [checkpoint@32473 {data}] {sealed.anchor.line()}"


def _escaped(value: str) -> str:
    return "".join(f"\\{each}" if each in '"\\]' else each for each in value)


def _word(host: str) -> str:
    """Return a host name as the header can carry it: printable ASCII without spaces, or a dash (RFC 5424, 6.2.4)."""
    return host[:255] if host and all("!" <= each <= "~" for each in host) else "-"
