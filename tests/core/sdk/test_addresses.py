import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from deskhand.sdk.addresses import GuardedBackend, is_public
from deskhand.sdk.errors import ConfigurationError, UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.testing import SimulatorHost
from tests.core.sdk.scripted_vendor import Naps, ScriptedVendor

LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
]
LOOPBACK_V6 = [
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
]
PRIVATE = [
    "0.0.0.0",  # noqa: S104  # refused, not bound
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "240.0.0.1",
]
PRIVATE_V6 = [
    "[fe80::1]",
    "[fd00::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[2002:7f00:1::]",
    "[::ffff:169.254.169.254]",
    "[::]",
    "[2001:db8::1]",
]
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", [*LOOPBACK, *LOOPBACK_V6, *PRIVATE, *PRIVATE_V6])
def test_an_address_that_is_not_public_is_never_dialled(address: str) -> None:
    with SimulatorHost(ScriptedVendor()) as host:
        url = f"http://{address}:{host.url.rpartition(':')[2]}"
        with pytest.raises((ConfigurationError, UnavailableError)):
            HttpClient(url, patience=Naps().patience()).get("/")
        assert host.requests == 0


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
def test_the_refusal_names_the_setting_that_lifts_it(address: str) -> None:
    with HttpClient(f"http://{address}") as client, pytest.raises(ConfigurationError, match="allow_private_addresses"):
        client.get("/")


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "127.1"])
def test_a_private_address_is_dialled_where_the_settings_allow_it(address: str) -> None:
    with SimulatorHost(ScriptedVendor()) as host:
        url = f"http://{address}:{host.url.rpartition(':')[2]}"
        with HttpClient(url, allow_private_addresses=True) as client:
            assert client.json("GET", "/") == "ok"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_address_is_judged_by_what_it_is(inner: IPv4Address) -> None:
    for hidden in (f"::ffff:{inner}", f"64:ff9b::{inner}", f"2002:{int(inner) >> 16:x}:{int(inner) & 0xFFFF:x}::1"):
        assert is_public(ip_address(hidden)) == is_public(inner)


class Resolver:
    """Stands in for the name server: what it answers, and how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.dialled: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.resolve)

    def resolve(self, _host: str, port: int, **_options: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(0, 0, 0, "", (address, port)) for address in found]

    def dial(self, address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        self.dialled.append(address[0])
        raise ConnectionRefusedError


def test_the_address_that_was_checked_is_the_address_that_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, ["93.184.215.14"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "create_connection", resolver.dial)
    backend = GuardedBackend(allow_private_addresses=False, answer_seconds=1)
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("rebinding.example", 443)
    assert resolver.dialled == ["93.184.215.14"]
    assert resolver.asked == 1


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, ["93.184.215.14", "10.0.0.7"])
    monkeypatch.setattr(socket, "create_connection", resolver.dial)
    backend = GuardedBackend(allow_private_addresses=False, answer_seconds=1)
    with pytest.raises(ConfigurationError, match=r"mixed\.example is at 10\.0\.0\.7"):
        backend.connect_tcp("mixed.example", 443)
    assert resolver.dialled == []


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with SimulatorHost(ScriptedVendor()) as host:
        resolve = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda name, port, *rest, **options: [
                each
                for literal in (["::1", "127.0.0.1"] if name == "vendor.example" else [name])
                for each in resolve(literal, port, *rest, **options)
            ],
        )
        url = f"http://vendor.example:{host.url.rpartition(':')[2]}"
        with HttpClient(url, allow_private_addresses=True) as client:
            assert client.json("GET", "/") == "ok"


def test_a_name_that_does_not_resolve_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with HttpClient("https://nowhere.example", patience=Naps().patience()) as client:
        with pytest.raises(UnavailableError, match=r"nowhere\.example does not resolve"):
            client.send("POST", "/", json={})
        assert client.requests_sent == 4


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    signed = builder.sign(key, hashes.SHA256())
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def secure_port(certificate: Path) -> Iterator[int]:
    with SimulatorHost(ScriptedVendor()) as host:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        assert host._server
        host._server.socket = context.wrap_socket(host._server.socket, server_side=True)
        yield int(host.url.rpartition(":")[2])


def test_tls_is_verified_by_name_although_an_address_is_dialled(
    certificate: Path, secure_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with HttpClient(f"https://localhost:{secure_port}", allow_private_addresses=True) as client:
        assert client.json("GET", "/") == "ok"


def test_a_certificate_for_another_name_is_refused(
    certificate: Path, secure_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    url = f"https://127.0.0.1:{secure_port}"
    client = HttpClient(url, allow_private_addresses=True, patience=Naps().patience())
    with client, pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get("/")


def test_a_certificate_nobody_vouches_for_is_refused(secure_port: int) -> None:
    url = f"https://localhost:{secure_port}"
    client = HttpClient(url, allow_private_addresses=True, patience=Naps().patience())
    with client, pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get("/")
