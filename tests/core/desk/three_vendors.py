"""Three vendors in miniature whose credentials were just drawn, and a desk that has them in its secret store alone."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from pydantic import SecretStr

from deskhand.configuration.loading import load
from deskhand.configuration.schema import Configuration
from deskhand.configuration.sealing import open_secrets
from deskhand.governance.secrets.store import SecretStore
from deskhand.sdk.clock import utc_now
from deskhand.sdk.testing import SimulatorHost
from deskhand_identity_entra import simulator as entra_simulator
from deskhand_identity_entra.settings import key_and_certificate
from deskhand_identity_entra.simulation import sign_in
from deskhand_notify_twilio import simulator as twilio_simulator
from deskhand_psa_connectwise import simulator as psa_simulator
from tests.core.desk.msp import PSA, Msp, write_configuration

ENTRA, TWILIO = "identity_entra", "notify_twilio"
CONNECTORS = (PSA, ENTRA, TWILIO)
TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
CALLBACK_URL = "https://desk.example/callbacks/notify_twilio"


@dataclass
class Vendors:
    """The vendors at their sockets, and every secret the desk has of them, by connector and setting."""

    folder: Path
    msp: Msp
    hosts: Mapping[str, SimulatorHost]
    monkeypatch: pytest.MonkeyPatch
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "deskhand.toml"

    @property
    def configuration(self) -> Configuration:
        return load(self.file)

    @property
    def store(self) -> SecretStore:
        return open_secrets(self.configuration)

    def configure(self, **sections: Any) -> None:  # noqa: ANN401  # a TOML document
        """Write the configuration, in which every secret is a reference, and fill the store."""
        host = {name: each.url for name, each in self.hosts.items()}
        connectors: dict[str, dict[str, Any]] = {
            PSA: psa_simulator.settings(host[PSA]),
            ENTRA: entra_simulator.settings(host[ENTRA], {"250": TENANT}),
            TWILIO: {**twilio_simulator.settings(host[TWILIO]), "callback_url": CALLBACK_URL},
        }
        for name, key in self.secrets:
            connectors[name][key] = f"secret:{key}"
        if (ENTRA, "certificate") in self.secrets:
            del connectors[ENTRA]["client_secret"]
        changed = sections.pop("connectors", {})
        connectors = {name: {**each, **changed.get(name, {})} for name, each in connectors.items()}
        passphrase = self.folder / "passphrase"
        passphrase.write_text("six words of somebody's own choice")
        passphrase.chmod(0o600)
        stored: dict[str, dict[str, Any]] = {"connectors": connectors, "secrets": {"key": "passphrase:passphrase"}}
        write_configuration(self.folder, host[PSA], {**stored, **sections})
        store = self.store
        for (name, key), value in self.secrets.items():
            store.set(key, SecretStr(value), connector=name, clock=utc_now)

    def rotate(self, connector: str, key: str) -> str:
        """Change a secret at the vendor and in the store, as an administrator does; return the new one."""
        value = self.secrets[connector, key] = secrets.token_urlsafe(24)
        self.tell_vendors()
        self.store.set(key, SecretStr(value), connector=connector, clock=utc_now)
        return value

    def tell_vendors(self) -> None:
        """Have the vendors accept what is in `secrets`, and nothing else."""
        for (connector, key), (module, name) in _AT_THE_VENDOR.items():
            if (connector, key) in self.secrets:
                self.monkeypatch.setattr(module, name, self.secrets[connector, key])


_AT_THE_VENDOR = {
    (PSA, "public_key"): (psa_simulator, "PUBLIC_KEY"),
    (PSA, "private_key"): (psa_simulator, "PRIVATE_KEY"),
    (ENTRA, "client_secret"): (sign_in, "CLIENT_SECRET"),
    (TWILIO, "api_key_secret"): (twilio_simulator, "KEY_SECRET"),
}


@contextmanager
def three_vendors(folder: Path, monkeypatch: pytest.MonkeyPatch, *, certificate: str = "") -> Iterator[Vendors]:
    """Start the vendors; with a ``certificate`` in place of Entra's client secret."""
    msp, entra = Msp(), entra_simulator.EntraSimulator()
    entra.seed_tenant(TENANT, "Ada & Sons", domains=["ada.example"])
    entra.certificate = _public_key(certificate) if certificate else None
    simulators = {PSA: msp.psa, ENTRA: entra, TWILIO: twilio_simulator.TwilioSimulator()}
    with ExitStack() as running:
        hosts = {name: running.enter_context(SimulatorHost(each)) for name, each in simulators.items()}
        vendors = Vendors(folder, msp, hosts, monkeypatch)
        keys = [*_AT_THE_VENDOR, (PSA, "client_id"), (TWILIO, "auth_token")]
        vendors.secrets |= {each: secrets.token_urlsafe(24) for each in keys}
        if certificate:
            del vendors.secrets[ENTRA, "client_secret"]
            vendors.secrets[ENTRA, "certificate"] = certificate
        vendors.tell_vendors()
        vendors.configure()
        yield vendors


def _public_key(pem: str) -> str:
    _, signed = key_and_certificate(SecretStr(pem))
    public = load_pem_x509_certificate(signed.encode()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
