"""Invented authorities: certificates for a log server, and a time-stamping authority that is OpenSSL's."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

OPENSSL = shutil.which("openssl")
CONFIGURATION = """\
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """A root that nobody else trusts, and what it signs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed("A root of the tests' own", self._key, None)
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, purpose: ObjectIdentifier) -> Path:
        """Write certificate and key into one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(name, key, purpose)
        path = self.folder / f"{name}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        return path

    def server(self) -> Path:
        return self.issue("127.0.0.1", ExtendedKeyUsageOID.SERVER_AUTH)

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, purpose: ObjectIdentifier | None) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if purpose is None else self._certificate.subject
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
        builder = builder.add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
        public = self._key.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        usages = [x509.KeyUsage(*(place in {0, 5, 6} for place in range(9)))]  # signatures, certificates, revocations
        if purpose is None:
            builder = builder.add_extension(usages[0], critical=True)
        else:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        if purpose == ExtendedKeyUsageOID.SERVER_AUTH:
            address = x509.IPAddress(ip_address(name))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass
class Stamper:
    """A time-stamping authority on loopback: OpenSSL answers what it is sent."""

    url: str
    asked: list[bytes] = field(default_factory=list)
    answer: bytes | None = None
    """What to answer in place of a token for this very request."""


@contextmanager
def stamping(authority: Authority, folder: Path) -> Iterator[Stamper]:
    """Run the authority for a while."""
    if OPENSSL is None:
        pytest.skip("OPENSSL IS NOT INSTALLED: apt-get install openssl, then RFC 3161 is tested")
    signer = authority.issue("tsa", ExtendedKeyUsageOID.TIME_STAMPING)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    stamper = Stamper("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            stamper.asked.append(content)
            answer = stamper.answer or _stamped(folder, signer, content)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stamper.url = f"http://127.0.0.1:{server.server_port}/tsr"
    try:
        yield stamper
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stamped(folder: Path, signer: Path, query: bytes) -> bytes:
    asked, answered = folder / "query.tsq", folder / "answer.tsr"
    asked.write_bytes(query)
    options = ("-queryfile", asked, "-signer", signer, "-inkey", signer, "-config", folder / "tsa.cnf")
    command = [str(OPENSSL), "ts", "-reply", "-section", "tsa", *map(str, options), "-out", str(answered)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # a program of the system's
    return answered.read_bytes()
