import json

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.configuration.loading import connector_settings, load
from deskhand.registry import Registry
from deskhand.sdk.secrets import permit
from tests.core.cli.conftest import Run, Shop

VALUE = "-".join(["hush"] * 3)
PSA = "psa_connectwise"


@pytest.fixture
def kept(shop: Shop) -> Shop:
    """A shop with a passphrase for its secret store."""
    passphrase = shop.folder / "passphrase"
    passphrase.write_text("correct horse battery")
    passphrase.chmod(0o600)
    with shop.file.open("a", encoding="utf-8") as file:
        file.write("\n[secrets]\nkey = 'passphrase:passphrase'\n")
    return shop


@pytest.fixture
def referred(kept: Shop) -> Shop:
    """The same, whose connector's private key is a reference to a stored secret."""
    lines = kept.file.read_text(encoding="utf-8").splitlines()
    changed = ["private_key = 'secret:private-key'" if line.startswith("private_key") else line for line in lines]
    assert changed != lines
    kept.file.write_text("\n".join(changed), encoding="utf-8")
    return kept


def private_key(shop: Shop) -> str:
    configuration = load(shop.file)
    registry = Registry.discover({PSA})
    settings = connector_settings(configuration, registry, PSA).model_dump()
    with permit(registry.plugins[PSA].package):
        return str(settings["private_key"].get_secret_value())


def test_a_secret_is_sealed_and_only_opening_its_connector_opens_it(run: Run, referred: Shop) -> None:
    missing = run("config", "check", "-c", referred.file)
    assert missing.exit_code == ExitCode.CONFIGURATION
    assert f"connectors.{PSA}.private_key" in missing.stderr
    assert f"deskhand secret set private-key --connector {PSA}" in missing.stderr
    result = run("secret", "set", "private-key", "-c", referred.file, "--connector", PSA, answer=f"{VALUE}\n")
    assert result.exit_code == ExitCode.OK, result.stderr
    assert "version 1" in result.stdout
    assert load(referred.file).connectors[PSA]["private_key"] == "secret:private-key"
    assert private_key(referred) == VALUE
    assert run("config", "check", "-c", referred.file).exit_code == ExitCode.OK


def test_a_secret_of_another_connector_or_client_is_not_taken(run: Run, referred: Shop) -> None:
    options = ("set", "private-key", "-c", referred.file, "--connector")
    assert run("secret", *options, "rmm_other", answer=VALUE).exit_code == ExitCode.OK
    assert run("secret", *options, PSA, "--tenant", "19", answer=VALUE).exit_code == ExitCode.OK
    assert "there is no secret private-key" in run("config", "check", "-c", referred.file).stderr


def test_the_value_is_nowhere_to_be_seen(run: Run, kept: Shop) -> None:
    outputs = [
        run("secret", "set", "key", "-c", kept.file, "--connector", PSA, answer=VALUE),
        run("secret", "list", "-c", kept.file),
        run("secret", "list", "-c", kept.file, "--json"),
        run("secret", "rotate", "-c", kept.file),
        run("secret", "remove", "key", "-c", kept.file, "--connector", PSA),
        run("audit", "export", "-c", kept.file),
    ]
    assert [each.exit_code for each in outputs] == [ExitCode.OK] * len(outputs), [each.stderr for each in outputs]
    assert not any(VALUE in each.output for each in outputs)
    assert not any(VALUE.encode() in path.read_bytes() for path in kept.folder.rglob("*") if path.is_file())


def test_what_is_stored_is_listed_and_every_change_is_on_the_record(run: Run, kept: Shop) -> None:
    for _ in range(2):
        run("secret", "set", "key", "-c", kept.file, "--connector", PSA, answer=VALUE)
    (listed,) = json.loads(run("secret", "list", "-c", kept.file, "--json").stdout)
    assert (listed["name"], listed["connector"], listed["version"]) == ("key", PSA, 2)
    run("secret", "rotate", "-c", kept.file)
    run("secret", "remove", "key", "-c", kept.file, "--connector", PSA)
    entries = [json.loads(line) for line in run("audit", "export", "-c", kept.file).stdout.splitlines()]
    assert [each["kind"] for each in entries if each["kind"].startswith("secret.")] == [
        "secret.set",
        "secret.set",
        "secret.rotated",
        "secret.removed",
    ]


def test_a_store_is_brought_over_to_another_key(run: Run, referred: Shop) -> None:
    run("secret", "set", "private-key", "-c", referred.file, "--connector", PSA, answer=VALUE)
    other = referred.folder / "other"
    other.write_text("another long passphrase")
    other.chmod(0o600)
    referred.file.write_text(referred.file.read_text().replace("passphrase:passphrase", "passphrase:other"))
    assert "was not sealed with this key" in run("config", "check", "-c", referred.file).stderr
    brought = run("secret", "rotate", "-c", referred.file, "--from", "passphrase:passphrase")
    assert brought.exit_code == ExitCode.OK, brought.stderr
    assert private_key(referred) == VALUE


@pytest.mark.parametrize(
    ("arguments", "answer", "code"),
    [
        (("set", "key", "--connector", PSA), "", ExitCode.CONFIGURATION),
        (("set", "key", "--connector", PSA), "x" * 70_000, ExitCode.USAGE),
        (("set", "a b", "--connector", PSA), VALUE, ExitCode.CONFIGURATION),
        (("remove", "key", "--connector", PSA), None, ExitCode.FAILED),
        (("rotate", "--from", "nonsense"), None, ExitCode.CONFIGURATION),
        (("set", "key", VALUE, "--connector", PSA), None, ExitCode.USAGE),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Run, kept: Shop, arguments: tuple[str, ...], answer: str | None, code: ExitCode
) -> None:
    result = run("secret", *arguments, "-c", kept.file, answer=answer)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr


def test_without_a_key_the_fix_is_named(run: Run, shop: Shop) -> None:
    result = run("secret", "list", "-c", shop.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "set `key` in [secrets]" in result.stderr


def test_elsewhere_than_with_a_connector_a_stored_secret_is_refused(run: Run, kept: Shop) -> None:
    kept.file.write_text(kept.file.read_text() + "\n[records]\npassword = 'secret:database'\n")
    result = run("config", "check", "-c", kept.file)
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "records.password" in result.stderr
    assert "use file: or env:" in result.stderr
