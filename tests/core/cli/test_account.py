import json

import pytest

from deskhand.cli.account import NEW_PASSWORD
from deskhand.cli.acting import acting
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.governing import PASSWORD
from deskhand.records import explanations
from tests.core.cli.conftest import Run, Shop

CHOSEN = "correct horse battery"


@pytest.fixture(autouse=True)
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NEW_PASSWORD, CHOSEN)
    monkeypatch.setenv(PASSWORD, CHOSEN)


def accounts(run: Run, shop: Shop) -> dict[str, dict[str, object]]:
    found = json.loads(run("account", "list", "-c", shop.file, "--json").stdout)
    return {each["account"]: each for each in found}


def add(run: Run, shop: Shop, name: str, *roles: str) -> None:
    options = [word for role in roles for word in ("--role", role)]
    assert run("account", "add", name, *options, "-c", shop.file).exit_code == ExitCode.OK


def test_the_secret_of_the_first_set_up_is_printed_until_there_is_an_admin(run: Run, shop: Shop) -> None:
    first = run("account", "setup", "-c", shop.file)
    second = json.loads(run("account", "setup", "-c", shop.file, "--json").stdout)["secret"]
    assert first.exit_code == ExitCode.OK
    assert len(first.stdout.splitlines()[-1]) == len(second) == 32
    add(run, shop, "ada", "admin")
    refused = run("account", "setup", "-c", shop.file)
    assert (refused.exit_code, refused.stdout) == (ExitCode.FAILED, "")
    assert "deskhand account add" in refused.stderr


def test_people_are_added_with_roles_and_a_password_that_is_asked_for(
    run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NEW_PASSWORD)
    words = (
        "account",
        "add",
        "Ann",
        "--name",
        "Ann Grüße",
        "--role",
        "technician",
        "--role",
        "approver",
        "--member",
        "9",
    )
    result = run(*words, "-c", shop.file, answer=f"{CHOSEN}\n{CHOSEN}\n")
    assert result.exit_code == ExitCode.OK
    assert CHOSEN not in result.stdout + result.stderr
    assert result.stdout.strip() == "Account ann is added: approver, technician."
    roles = ["approver", "technician"]
    expected: dict[str, object] = {"account": "ann", "name": "Ann Grüße", "roles": roles, "member": "9", "clients": []}
    expected |= {"entra": None, "active": True}
    assert accounts(run, shop) == {"ann": expected}
    assert "Ann Grüße" in run("account", "list", "-c", shop.file).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "operator"), "deskhand's own names"),
        (("add", "ann"), "there is an account ann already"),
        (("disable", "zed"), "deskhand account list"),
        (("roles", "zed", "--role", "admin"), "deskhand account list"),
        (("password", "zed"), "no account zed"),
        (("roles", "ada"), "no admin"),
        (("disable", "ada"), "no admin"),
        (("add", "new", "--as", "ann"), "has not the role admin"),
        (("add", "new", "--as", "zed"), "do not belong together"),
    ],
)
def test_what_may_not_be_done_is_told(run: Run, shop: Shop, words: tuple[str, ...], told: str) -> None:
    add(run, shop, "ann", "technician")
    add(run, shop, "ada", "admin")
    result = run("account", *words, "-c", shop.file)
    assert result.exit_code in {ExitCode.FAILED, ExitCode.USAGE}
    assert (result.stdout, told in result.stderr) == ("", True)
    assert set(accounts(run, shop)) == {"ada", "ann"}


def test_roles_and_states_are_changed_by_the_operator_or_an_admin(run: Run, shop: Shop) -> None:
    add(run, shop, "ada", "admin")
    add(run, shop, "ann", "technician")
    assert run("account", "roles", "ann", "--role", "auditor", "--as", "ada", "-c", shop.file).exit_code == ExitCode.OK
    assert json.loads(run("account", "disable", "ann", "-c", shop.file, "--json").stdout)["active"] is False
    assert accounts(run, shop)["ann"]["roles"] == ["auditor"]
    assert "disabled" in run("account", "list", "-c", shop.file).stdout
    refused = run("stop", "--reason", "fire", "--as", "ann", "-c", shop.file)
    assert (refused.exit_code, "disabled" in refused.stderr) == (ExitCode.FAILED, True)
    assert run("account", "enable", "ann", "-c", shop.file).exit_code == ExitCode.OK
    assert accounts(run, shop)["ann"]["active"] is True


def test_a_password_is_set_by_the_operator_and_ones_own_with_the_current_one(
    run: Run, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(run, shop, "ann", "technician")
    monkeypatch.setenv(NEW_PASSWORD, "another long password")
    wrong = run("account", "password", "ann", "--as", "ann", "-c", shop.file, answer="wrong\n")
    assert (wrong.exit_code, "current password" in wrong.stderr) == (ExitCode.FAILED, True)
    right = run("account", "password", "ann", "--as", "ann", "-c", shop.file, answer=f"{CHOSEN}\n")
    assert right.exit_code == ExitCode.OK
    assert run("account", "password", "ANN", "-c", shop.file).exit_code == ExitCode.OK


def test_accounts_can_be_made_before_the_desk_ever_ran(run: Run, shop: Shop) -> None:
    for file in shop.records.parent.glob("records.db*"):
        file.unlink()
    assert run("account", "list", "-c", shop.file).exit_code == ExitCode.UNAVAILABLE
    add(run, shop, "ada", "admin")
    assert set(accounts(run, shop)) == {"ada"}


OBJECT_ID = "00000000-aaaa-4000-8000-000000000001"
TENANT = "6a1d9c5e-2b43-4d0f-8a55-0f2f3f0a7b11"


def with_entra(shop: Shop) -> None:
    section = f'\n[web.entra]\ntenant_id = "{TENANT}"\nclient_id = "{OBJECT_ID}"\nclient_secret = "s"\n'
    with shop.file.open("a", encoding="utf-8") as file:
        file.write(section)


def test_an_account_is_confined_to_clients_and_let_out_again(run: Run, shop: Shop) -> None:
    add(run, shop, "ada", "admin")
    add(run, shop, "ann", "technician")
    assert run("account", "clients", "ann", "--client", "7", "--client", "8", "-c", shop.file).exit_code == ExitCode.OK
    assert accounts(run, shop)["ann"]["clients"] == ["7", "8"]
    assert "7, 8" in run("account", "list", "-c", shop.file).stdout
    assert run("account", "clients", "ann", "-c", shop.file).exit_code == ExitCode.OK
    assert accounts(run, shop)["ann"]["clients"] == []


def test_a_command_sees_what_its_account_sees(run: Run, shop: Shop) -> None:
    assert run("account", "add", "ann", "--client", shop.babbage, "-c", shop.file).exit_code == ExitCode.OK
    assert run("account", "add", "ben", "--client", shop.marlow, "-c", shop.file).exit_code == ExitCode.OK
    for name, sees in (("ann", False), ("ben", True)):
        with acting(shop.file, name) as (desk, _):
            assert (explanations.find(desk.records, shop.triaged) is not None) == sees


def test_a_person_in_entra_is_linked_to_one_account(run: Run, shop: Shop) -> None:
    add(run, shop, "ada", "admin")
    add(run, shop, "ann", "technician")
    refused = run("account", "link", "ann", OBJECT_ID, "-c", shop.file)
    assert (refused.exit_code, "[web.entra]" in refused.stderr) == (ExitCode.CONFIGURATION, True)
    with_entra(shop)
    assert run("account", "link", "ann", "ann@msp.example", "-c", shop.file).exit_code == ExitCode.USAGE
    assert run("account", "link", "ann", OBJECT_ID.upper(), "-c", shop.file).exit_code == ExitCode.OK
    assert accounts(run, shop)["ann"]["entra"] == f"{TENANT}/{OBJECT_ID}"
    other = run("account", "link", "ada", OBJECT_ID, "-c", shop.file)
    assert (other.exit_code, "account ann is linked" in other.stderr) == (ExitCode.FAILED, True)
    assert run("account", "unlink", "ann", "-c", shop.file).exit_code == ExitCode.OK
    assert accounts(run, shop)["ann"]["entra"] is None


def test_passwords_are_turned_off_but_for_emergencies_and_on_again_from_the_server(run: Run, shop: Shop) -> None:
    add(run, shop, "ada", "admin")
    add(run, shop, "rescue", "admin")
    with_entra(shop)
    refused = run("account", "local-sign-in", "off", "-c", shop.file)
    assert (refused.exit_code, "lock everybody out" in refused.stderr) == (ExitCode.FAILED, True)
    run("account", "link", "ada", OBJECT_ID, "-c", shop.file)
    off = run("account", "local-sign-in", "off", "--break-glass", "Rescue", "-c", shop.file)
    assert off.stdout.strip() == "Passwords of this desk are off for everybody but rescue."
    throw = ("stop", "--reason", "fire", "-c", shop.file, "--as")
    assert (run(*throw, "ada").exit_code, run(*throw, "rescue").exit_code) == (ExitCode.FAILED, ExitCode.OK)
    on = run("account", "local-sign-in", "on", "-c", shop.file, "--json")
    assert json.loads(on.stdout) == {"on": True, "break_glass": "rescue"}
    assert run("go", "--reason", "over", "-c", shop.file, "--as", "ada").exit_code == ExitCode.OK
