"""Between two calls no live object of a desk holds the plain text of a stored secret, nor a header made of one."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator

from deskhand.sdk.secrets import basic
from deskhand.sdk.testing import TruncatedBody
from deskhand_notify_twilio.simulator import ACCOUNT_SID, KEY_SID
from deskhand_psa_connectwise.simulator import COMPANY_ID
from tests.core.desk.msp import PSA, quick_folder
from tests.core.desk.three_vendors import CALLBACK_URL, ENTRA, TWILIO, Vendors, three_vendors
from tests.plugins.identity_entra.test_settings import certificate
from tests.repository import ROOT

MESSAGE = {"AccountSid": ACCOUNT_SID, "MessageSid": "SM" + "a" * 32, "MessageStatus": "delivered"}
PROGRAM = (sys.executable, "-m", "tests.journeys.sealed_desk")


@pytest.fixture
def folder() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


def headers(vendors: Vendors) -> dict[str, str]:
    """What requests are authorised with."""
    psa, twilio = f"{COMPANY_ID}+{vendors.secrets[PSA, 'public_key']}", vendors.secrets[TWILIO, "api_key_secret"]
    written = {PSA: basic(psa, vendors.secrets[PSA, "private_key"]), TWILIO: basic(KEY_SID, twilio)}
    return {f"header of {name}": each["Authorization"].removeprefix("Basic ") for name, each in written.items()}


def plain(vendors: Vendors) -> dict[str, str]:
    """The secrets; of a certificate a line of its private key, which has 64 characters whatever holds it."""
    found = {f"{name}.{key}": value for (name, key), value in vendors.secrets.items()}
    return {name: value.splitlines()[3] if "\n" in value else value for name, value in found.items()}


def held_by_a_desk(vendors: Vendors, wanted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Have a desk work, and return what went wrong there and what of ``wanted`` it holds afterwards."""
    signature = RequestValidator(vendors.secrets[TWILIO, "auth_token"]).compute_signature(CALLBACK_URL, MESSAGE)
    given = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    callback = vendors.folder / "callback.json"
    callback.write_text(json.dumps([given, "&".join(f"{name}={value}" for name, value in MESSAGE.items())]))
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [*PROGRAM, str(vendors.file), str(callback)], cwd=ROOT, stdin=-1, stdout=-1, text=True
    ) as desk:
        assert desk.stdin is not None
        assert desk.stdout is not None
        lines = (line for line in desk.stdout if line.startswith("["))
        errors = json.loads(next(lines))
        reversed_ = {name: each[::-1] for name, each in wanted.items()}
        desk.stdin.write(f"{json.dumps(reversed_)}\n")
        desk.stdin.flush()
        found = json.loads(next(lines))
        desk.stdin.close()
        assert desk.wait() == 0
    return errors, found


@pytest.mark.parametrize("pem", ["", certificate()], ids=["client secret", "certificate"])
def test_no_live_object_holds_a_stored_secret_between_calls(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pem: str
) -> None:
    with three_vendors(folder, monkeypatch, certificate=pem) as vendors:
        ticket = vendors.msp.ticket("My account is locked")
        vendors.hosts[TWILIO].faults.schedule(TruncatedBody(), 4)  # the desk keeps the error of that call
        errors, found = held_by_a_desk(vendors, {**plain(vendors), **headers(vendors)})
        assert vendors.msp.notes(ticket), "it worked"
        assert [each for each in errors if "Messages.json" in each]
        assert vendors.hosts[ENTRA].requests > 2
        assert found == []


def test_a_secret_that_is_not_sealed_is_found_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written into the file is the desk's from its start: the look does find what there is."""
    with three_vendors(folder, monkeypatch) as vendors:
        value = vendors.secrets.pop((TWILIO, "api_key_secret"))
        vendors.configure(connectors={TWILIO: {"api_key_secret": value}})
        _, found = held_by_a_desk(vendors, {"it": value, **plain(vendors)})
        assert set(found) == {"it in a string"}
