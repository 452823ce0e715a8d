import json

import pytest

from deskhand.cli.exit_codes import ExitCode
from tests.core.cli.conftest import Run, Shop


def stopped(run: Run, shop: Shop) -> list[tuple[str, str]]:
    found = json.loads(run("stop", "--list", "-c", shop.file, "--json").stdout)
    return [(each["level"], each["subject"]) for each in found]


@pytest.mark.parametrize(
    ("options", "level", "subject"),
    [
        ((), "global", ""),
        (("--tenant", "{marlow}"), "tenant", "{marlow}"),
        (("--connector", "psa_connectwise"), "connector", "psa_connectwise"),
    ],
)
def test_what_is_stopped_is_listed_until_it_goes(
    run: Run, shop: Shop, options: tuple[str, ...], level: str, subject: str
) -> None:
    words, named = [each.format(marlow=shop.marlow) for each in options], subject.format(marlow=shop.marlow)
    result = run("stop", *words, "--reason", "smoke in the rack", "-c", shop.file)
    assert result.exit_code == ExitCode.OK
    assert "by operator: smoke in the rack" in result.stdout
    assert stopped(run, shop) == [(level, named)]
    assert "smoke in the rack" in run("stop", "--list", "-c", shop.file).stdout
    assert run("go", *words, "--reason", "aired", "-c", shop.file).exit_code == ExitCode.OK
    assert stopped(run, shop) == []
    assert run("stop", "--list", "-c", shop.file).stdout == "Nothing is stopped.\n"


def test_letting_one_go_says_what_is_still_stopped(run: Run, shop: Shop) -> None:
    for options in ((), ("--tenant", shop.marlow)):
        document = json.loads(run("stop", *options, "--reason", "smoke", "-c", shop.file, "--json").stdout)
        assert (document["by"], document["reason"]) == ("operator", "smoke")
    assert "Still stopped: Everything" in run("go", "--tenant", shop.marlow, "--reason", "x", "-c", shop.file).stdout
    document = json.loads(run("go", "--reason", "x", "-c", shop.file, "--json").stdout)
    assert document == {"level": "global", "subject": "", "still_stopped": []}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("stop",), ExitCode.USAGE, "--reason"),
        (("stop", "--reason", " "), ExitCode.FAILED, "say why"),
        (("stop", "--tenant", "1", "--connector", "x", "--reason", "y"), ExitCode.USAGE, "name one of"),
        (("stop", "--connector", "psa_conectwise", "--reason", "y"), ExitCode.FAILED, "there is psa_connectwise"),
        (("stop", "--automation", "unlock", "--reason", "y"), ExitCode.FAILED, "no automation unlock"),
        (("stop", "--tenant", "4711", "--reason", "y"), ExitCode.FAILED, "no tenant 4711"),
        (("stop", "--tenant", "", "--reason", "y"), ExitCode.FAILED, "name what to stop"),
        (("go", "--reason", "y"), ExitCode.FAILED, "is not stopped"),
        (("go",), ExitCode.USAGE, "--reason"),
    ],
)
def test_what_was_not_meant_is_told(run: Run, shop: Shop, words: tuple[str, ...], code: ExitCode, told: str) -> None:
    result = run(*words, "-c", shop.file)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert stopped(run, shop) == []


def test_a_client_can_be_stopped_while_the_mirror_is_gone(run: Run, shop: Shop) -> None:
    shop.mirror.unlink()
    assert run("stop", "--tenant", "4711", "--reason", "fire", "-c", shop.file).exit_code == ExitCode.OK
    assert not shop.mirror.exists()


def test_a_reason_steers_no_terminal(run: Run, shop: Shop) -> None:
    run("stop", "--reason", "\x1b[2Jfire\nall is well", "-c", shop.file)
    listed = run("stop", "--list", "-c", shop.file).stdout
    assert "\x1b" not in listed
    assert "fire all is well" in " ".join(listed.split())
