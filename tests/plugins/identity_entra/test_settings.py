from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from deskhand_identity_entra.settings import EntraSettings, key_and_certificate
from tests.plugins.identity_entra.practice import ADA_TENANT, TENANTS, configured

URL = "http://127.0.0.1:9"


def certificate() -> str:
    """Make a PEM as an administrator would: a private key, and a certificate it signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "deskhand")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + signed.public_bytes(Encoding.PEM)).decode()


@pytest.fixture(scope="module")
def pem() -> str:
    return certificate()


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "my app"},
        {"client_secret": None},
        {"client_secret": ""},
        {"certificate": "not a certificate"},
        {"client_secret": None, "certificate": "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n"},
        {"tenants": {"250": "contoso.onmicrosoft.com"}},
        {"tenants": {"250": "common"}},
        {"tenants": {"": ADA_TENANT}},
        {"tenants": {"250": ADA_TENANT, "251": ADA_TENANT}},
        {"tenants": {"250": ADA_TENANT, "251": ADA_TENANT.upper()}},
        {"authority": "http://login.example"},
        {"authority": "https://login.example/common"},
        {"graph": "https://user@graph.example"},
        {"graph": "graph.microsoft.com"},
        {"page_size": 1000},
        {"notification_secret": "short"},
        {"tenant": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        configured(URL, **changes)


def test_a_certificate_stands_in_for_the_secret_but_not_beside_it(pem: str) -> None:
    assert configured(URL, client_secret=None, certificate=pem).certificate
    with pytest.raises(ValidationError):
        configured(URL, certificate=pem)


def test_a_certificate_of_another_key_is_refused(pem: str) -> None:
    key, _ = key_and_certificate(SecretStr(pem))
    _, other = key_and_certificate(SecretStr(certificate()))
    with pytest.raises(ValidationError, match="belongs to it"):
        configured(URL, client_secret=None, certificate=key + other)


def test_key_and_certificate_come_in_either_order(pem: str) -> None:
    key, signed = key_and_certificate(SecretStr(pem))
    assert key_and_certificate(SecretStr(f"Bag Attributes\n{signed}\n{key}")) == (key, signed)


def test_identifiers_are_taken_as_people_paste_them() -> None:
    settings = configured(URL, tenants={" 250 ": f" {ADA_TENANT.upper()} "})
    assert settings.tenants == {"250": ADA_TENANT}


def test_no_error_and_no_representation_quotes_a_secret(pem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        configured(URL, client_secret="s3cret", certificate=pem[:-60])  # noqa: S106  # invented
    assert "s3cret" not in str(refused.value)
    assert "secret-of" not in repr(configured(URL))
    assert configured(URL).tenants == TENANTS


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in EntraSettings.model_fields.items():
        assert field.description, name
