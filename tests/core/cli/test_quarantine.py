import json

import pytest

from deskhand.cli.exit_codes import ExitCode
from tests.core.cli.conftest import Run, Shop


def held(run: Run, shop: Shop) -> list[str]:
    return [each["ticket"] for each in json.loads(run("quarantine", "list", "-c", shop.file, "--json").stdout)]


def pending(run: Run, shop: Shop) -> int:
    return int(json.loads(run("db", "status", "-c", shop.file, "--json").stdout)["work"]["pending"])


def test_the_list_tells_what_is_ambiguous_and_how_to_resolve_it(run: Run, shop: Shop) -> None:
    (entry,) = json.loads(run("quarantine", "list", "-c", shop.file, "--json").stdout)
    assert entry["ticket"] == shop.held
    assert "elsewhere.example" in entry["reason"]
    assert f"deskhand quarantine resolve {shop.held}" in entry["suggestion"]
    assert shop.held in run("quarantine", "list", "-c", shop.file).stdout


def test_a_ticket_that_is_given_to_a_client_goes_back_into_the_queue(run: Run, shop: Shop) -> None:
    result = run("quarantine", "resolve", shop.held, "--tenant", shop.babbage, "-c", shop.file)
    assert result.exit_code == ExitCode.OK
    assert result.stdout.strip() == f"Ticket {shop.held} belongs to Babbage Ltd."
    assert (held(run, shop), pending(run, shop)) == ([], 1)
    assert "quarantine.resolved" in run("audit", "show", "-c", shop.file, "--ticket", shop.held).stdout


@pytest.mark.parametrize(("what", "value"), [("domain", "elsewhere.example"), ("address", "eve@elsewhere.example")])
def test_a_decision_can_be_remembered(run: Run, shop: Shop, what: str, value: str) -> None:
    result = run("quarantine", "resolve", shop.held, "--tenant", shop.babbage, "--remember", what, "-c", shop.file)
    assert result.exit_code == ExitCode.OK
    assert f"Remembered: {what} {value}." in result.stdout
    rules = [json.loads(line) for line in run("audit", "export", "-c", shop.file).stdout.splitlines()]
    (rule,) = [each for each in rules if each["kind"] == "identity.rule_made"]
    assert (rule["tenant"], rule["detail"]["value"]) == (shop.babbage, value)


def test_what_would_be_remembered_wrongly_is_refused_and_nothing_is_settled(run: Run, shop: Shop) -> None:
    text = shop.file.read_text(encoding="utf-8").replace(
        "[identity]", '[identity]\npublic_domains = ["elsewhere.example"]'
    )
    shop.file.write_text(text, encoding="utf-8")
    result = run("quarantine", "resolve", shop.held, "--tenant", shop.babbage, "--remember", "domain", "-c", shop.file)
    assert result.exit_code == ExitCode.FAILED
    assert "--remember address" in result.stderr
    assert (held(run, shop), pending(run, shop)) == ([shop.held], 0)


@pytest.mark.parametrize(
    ("ticket", "tenant", "told"),
    [
        ("{held}", "4711", "the PSA has no company 4711"),
        ("{held}", "BABBAGE", "the PSA has no company BABBAGE"),
        ("{triaged}", "{babbage}", "not in quarantine"),
        ("4711", "{babbage}", "not in quarantine"),
        ("", "{babbage}", "not in quarantine"),
    ],
)
def test_what_is_not_there_is_told_with_where_to_look(
    run: Run, shop: Shop, ticket: str, tenant: str, told: str
) -> None:
    known = {"held": shop.held, "triaged": shop.triaged, "babbage": shop.babbage}
    arguments = ("quarantine", "resolve", ticket.format(**known), "--tenant", tenant.format(**known), "-c", shop.file)
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert told in result.stderr
    assert "deskhand quarantine list" in result.stderr
    assert held(run, shop) == [shop.held]


def test_resolving_twice_is_told(run: Run, shop: Shop) -> None:
    arguments = ("quarantine", "resolve", shop.held, "--tenant", shop.babbage, "-c", shop.file)
    assert run(*arguments).exit_code == ExitCode.OK
    assert run(*arguments).exit_code == ExitCode.USAGE
    assert pending(run, shop) == 1


def test_without_a_mirror_nobody_knows_the_clients(run: Run, shop: Shop) -> None:
    shop.mirror.unlink()
    result = run("quarantine", "resolve", shop.held, "--tenant", shop.babbage, "-c", shop.file)
    assert result.exit_code == ExitCode.UNAVAILABLE
    assert not shop.mirror.exists()
    assert held(run, shop) == [shop.held]
