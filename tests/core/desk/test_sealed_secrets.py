"""Only the gate resolves a secret, for the call: when a desk with three vendors opens what is in its store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator

from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.desk.desk import Desk
from deskhand.governance.secrets.keys import key_material
from deskhand.governance.switches import Level
from deskhand.sdk.errors import AuthorizationError, ConnectorError, HeldBackError, HeldBy
from deskhand.sdk.roles import Connector
from deskhand.sdk.secrets import SealedSecret, SecretSealedError
from deskhand.sdk.testing import ServerError, SimulatorHost
from deskhand.sdk.webhooks import CallbackRefusedError
from deskhand_identity_entra.connector import Entra
from deskhand_notify_twilio.simulator import ACCOUNT_SID
from tests.core.desk.msp import PSA
from tests.core.desk.test_automating import ADMIN
from tests.core.desk.three_vendors import CALLBACK_URL, CONNECTORS, ENTRA, TWILIO, Vendors, three_vendors

MESSAGE = {"AccountSid": ACCOUNT_SID, "MessageSid": "SM" + "a" * 32, "MessageStatus": "delivered"}
FORM = "application/x-www-form-urlencoded"
CREDENTIAL = {PSA: "private_key", ENTRA: "client_secret", TWILIO: "api_key_secret"}


@pytest.fixture
def vendors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendors]:
    with three_vendors(folder, monkeypatch) as vendors:
        yield vendors


class Ears:
    """Hears of every opening."""

    def __init__(self, desk: Desk) -> None:
        self.opened: list[str] = []
        self.values: list[str] = []
        for settings in desk.connections.settings.values():
            for name in type(settings).model_fields:
                value = getattr(settings, name)
                if isinstance(value, SealedSecret):
                    value.tell(self.values.append)
                    value.tell(lambda _value, name=name: self.opened.append(name))  # type: ignore[misc]  # bound here


def forget_sign_in(desk: Desk) -> None:
    """Open Entra's connections anew, so that the next call signs in."""
    entra = desk.connections.connectors[ENTRA]
    assert isinstance(entra, Entra)
    for each in entra._tenants.values():
        each.close()
    entra._tenants.clear()


def test_what_a_desk_is_opened_with_holds_and_shows_no_secret(vendors: Vendors) -> None:
    with Desk.open(vendors.configuration) as desk:
        for name, settings in desk.connections.settings.items():
            told = f"{settings!r}{settings.model_dump()}{settings.model_dump_json()}{vars(settings)}"
            assert not [each for each in vendors.secrets.values() if each in told], name
        sealed = [(name, key) for name, key in vendors.secrets if _is_sealed(desk, name, key)]
        assert sealed == list(vendors.secrets)
        for name, key in vendors.secrets:
            with pytest.raises(SecretSealedError):
                getattr(desk.connections.settings[name], key).get_secret_value()
        assert all(desk.services.runs.handover.scanner.find(each) for each in vendors.secrets.values())  # type: ignore[union-attr]  # it has one


def _is_sealed(desk: Desk, name: str, key: str) -> bool:
    return isinstance(getattr(desk.connections.settings[name], key), SealedSecret)


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_thrown_switch_keeps_every_secret_shut(vendors: Vendors, name: str) -> None:
    with Desk.open(vendors.configuration) as desk:
        ears, connector = Ears(desk), desk.connections.connectors[name]
        for level, subject in ((Level.GLOBAL, ""), (Level.CONNECTOR, name)):
            desk.governing.throw(ADMIN, level, subject, "fire")
            with pytest.raises(HeldBackError) as held:
                connector.check()
            assert held.value.by is HeldBy.SWITCH
            desk.governing.release(ADMIN, level, subject, "over")
        assert (ears.opened, vendors.hosts[name].requests) == ([], 0)
        assert connector.check()
        assert CREDENTIAL[name] in ears.opened
        opened = list(ears.opened)
        desk.governing.throw(ADMIN, Level.GLOBAL, "", "fire")
        forget_sign_in(desk)
        with pytest.raises(HeldBackError):
            connector.check()
        assert ears.opened == opened, "nor is it opened where it was opened before"


def assert_held_back(connector: Connector, by: HeldBy, ears: Ears, host: SimulatorHost) -> None:
    """A call is held back by this, no secret is opened for it and nothing is sent."""
    opened, requests = list(ears.opened), host.requests
    with pytest.raises(HeldBackError) as held:
        connector.check()
    assert held.value.by is by
    assert (ears.opened, host.requests) == (opened, requests)


@pytest.mark.parametrize("name", CONNECTORS)
def test_an_open_circuit_keeps_every_secret_shut(vendors: Vendors, name: str) -> None:
    vendors.configure(limits={"breaker_failures": 1})
    with Desk.open(vendors.configuration) as desk:
        ears, connector = Ears(desk), desk.connections.connectors[name]
        vendors.hosts[name].faults.schedule(ServerError(), 50)
        with pytest.raises(ConnectorError):
            connector.check()
        assert_held_back(connector, HeldBy.CIRCUIT, ears, vendors.hosts[name])


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_spent_budget_keeps_every_secret_shut(vendors: Vendors, name: str) -> None:
    vendors.configure(connectors={name: {"vendor_calls_per_hour": 1, "budget_share": 1.0, "people_reserve": 0.0}})
    with Desk.open(vendors.configuration) as desk:
        ears, connector = Ears(desk), desk.connections.connectors[name]
        try:
            connector.check()
        except HeldBackError as error:
            assert error.by is HeldBy.BUDGET  # noqa: PT017  # one call is not enough for the whole of it
        assert vendors.hosts[name].requests == 1
        assert_held_back(connector, HeldBy.BUDGET, ears, vendors.hosts[name])


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_changed_secret_is_used_from_the_next_call_on_and_looked_for_at_once(vendors: Vendors, name: str) -> None:
    with Desk.open(vendors.configuration) as desk:
        connector, scanner = desk.connections.connectors[name], desk.services.runs.handover.scanner
        assert scanner is not None
        assert connector.check()
        old = vendors.secrets[name, CREDENTIAL[name]]
        new = vendors.rotate(name, CREDENTIAL[name])
        assert not scanner.find(new)
        forget_sign_in(desk)
        assert connector.check()
        label = f"[connectors.{name}.{CREDENTIAL[name]}]"
        assert scanner.redact(f"{old} {new} {new[::-1]}") == f"{label} {label} {label}"


def test_a_secret_that_is_gone_or_sealed_under_another_key_asks_for_a_person(vendors: Vendors) -> None:
    configuration = vendors.configuration
    with Desk.open(configuration) as desk:
        psa, requests = desk.connections.connectors[PSA], vendors.hosts[PSA].requests
        vendors.store.rotate(key_material(configuration.secrets, configuration.file.parent))
        assert psa.check(), "the same key with another salt is followed"
        other = vendors.folder / "other"
        other.write_text("another six words of somebody else's")
        other.chmod(0o600)
        requests = vendors.hosts[PSA].requests
        moved = key_material(configuration.secrets, configuration.file.parent, key="passphrase:other")
        vendors.store.rotate(moved)
        for _ in range(2):
            with pytest.raises(AuthorizationError, match=r"not sealed with this key.*started again"):
                psa.check()
        assert vendors.hosts[PSA].requests == requests
    vendors.file.write_text(vendors.file.read_text().replace("passphrase:passphrase", "passphrase:other"))
    with Desk.open(vendors.configuration) as desk:
        psa = desk.connections.connectors[PSA]
        assert psa.check()
        vendors.store.remove("private_key", connector=PSA)
        with pytest.raises(AuthorizationError, match=f"no secret private_key.*deskhand secret set private_key.*{PSA}"):
            psa.check()


def test_a_callback_is_verified_with_a_secret_opened_for_it_and_a_stranger_learns_nothing(vendors: Vendors) -> None:
    body = "&".join(f"{name}={value}" for name, value in MESSAGE.items()).encode()

    def signed(token: str) -> dict[str, str]:
        signature = RequestValidator(token).compute_signature(CALLBACK_URL, MESSAGE)
        return {"x-twilio-signature": signature, "content-type": FORM}

    with Desk.open(vendors.configuration) as desk:
        ears, token = Ears(desk), vendors.secrets[TWILIO, "auth_token"]
        receiver = desk.connections.receivers[TWILIO]
        assert receiver.receive(signed(token), body).record_id == MESSAGE["MessageSid"]
        assert ears.opened == ["auth_token"]
        changed = vendors.rotate(TWILIO, "auth_token")
        assert receiver.receive(signed(changed), body)
        for forged in (token, "x"):
            with pytest.raises(CallbackRefusedError) as refused:
                receiver.receive(signed(forged), body)
            assert refused.value.status == 401
        vendors.store.remove("auth_token", connector=TWILIO)
        with pytest.raises(CallbackRefusedError) as refused:
            receiver.receive(signed(changed), body)
        assert refused.value.status == 503


def test_a_stored_secret_where_none_belongs_is_refused_before_it_is_opened(vendors: Vendors) -> None:
    vendors.configure(connectors={PSA: {"company_id": "secret:private_key"}})
    with pytest.raises(InvalidConfigurationError) as raised:
        Desk.open(vendors.configuration)
    assert [each.key for each in raised.value.problems] == [f"connectors.{PSA}.company_id"]
    assert vendors.secrets[PSA, "private_key"] not in str(raised.value)
