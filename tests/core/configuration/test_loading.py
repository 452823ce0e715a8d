from pathlib import Path

import pytest

from deskhand.configuration.loading import load
from deskhand.configuration.problems import InvalidConfigurationError, Problem
from deskhand.configuration.template import TEMPLATE
from deskhand.records.documents import Handling
from deskhand.sdk.models import Level
from tests.core.configuration.conftest import CONNECTED, Refused, Write


def only(problems: tuple[Problem, ...]) -> Problem:
    (problem,) = problems
    return problem


def test_what_a_file_leaves_out_has_its_default(write: Write) -> None:
    configuration = load(write(""))
    assert configuration.policy.handling is Handling.SUGGEST
    assert configuration.enabled_plugins == {"psa_connectwise"}
    assert configuration.web.port == 8484


def test_every_kind_of_value_a_file_can_hold_is_read(write: Write) -> None:
    text = """
        [desk]
        state = "kept/here"
        [web]
        port = 0
        [intake]
        poll_seconds = 30
        [plugins]
        enabled = ["psa_connectwise", "psa_other"]
        [policy]
        handling = "apply"
        fields = ["type", "priority"]
        [policy.matrix.high]
        high = 1
        medium = 1
        low = 3
        [clients."Marlow & Tern"]
        handling = "off"
        [identity.verified_domains]
        "7" = ["Marlow.Example"]
    """
    configuration = load(write(text))
    assert configuration.state == configuration.file.parent / "kept" / "here"
    assert configuration.enabled_plugins == {"psa_connectwise", "psa_other"}
    assert {str(field) for field in configuration.policy.fields} == {"type", "priority"}
    assert configuration.policy.matrix.rank(Level.HIGH, Level.MEDIUM) == 1
    assert configuration.clients["Marlow & Tern"].handling is Handling.OFF
    assert configuration.identity.verified_domains == {"7": ("marlow.example",)}
    assert configuration.intake.poll_seconds == 30.0


def test_a_file_that_begins_with_the_mark_windows_editors_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CONNECTED.encode())
    assert load(path).connectors


def test_a_relative_state_folder_is_beside_the_file_wherever_one_stands(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("")
    monkeypatch.chdir(path.parent.parent)
    assert load(Path(path.parent.name) / path.name).state == path.parent / "state"


def test_a_missing_file_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.toml"
    with pytest.raises(InvalidConfigurationError) as raised:
        load(path)
    problem = only(raised.value.problems)
    assert problem.file == path
    assert f"deskhand init {path}" in problem.fix


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigurationError, match="IsADirectoryError"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[desk\nname = 'x'", "line 1"),
        (b"[desk]\nname = unquoted", "line 2"),
        (b"[desk]\n[desk]\n", "line 2"),
        (b"a = 1\na = 2", "overwrite"),
        (b"a = 2026-02-30", "date"),
        (b"\xff\xfe[\x00d\x00", "UTF-8"),
        pytest.param(b"a = " + b"[" * 50_000, "sensible", id="too deep"),
        pytest.param(b"a = " + b"9" * 5_000, "sensible", id="too long a number"),
    ],
)
def test_what_is_not_toml_is_told_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidConfigurationError) as raised:
        load(path)
    problem = only(raised.value.problems)
    assert words in f"{problem.expected} {problem.fix}"


@pytest.mark.parametrize(
    ("text", "key", "fix"),
    [
        ("[desk]\nnmae = 'x'", "desk.nmae", "rename `nmae` to `name`"),
        ("[desks]\nname = 'x'", "desks", "rename `desks` to `desk`"),
        ("polcy = 1", "polcy", "rename `polcy` to `policy`"),
        ("[policy]\nhandlnig = 'off'", "policy.handlnig", "rename `handlnig` to `handling`"),
        ("[policy.matrix.hihg]\nlow = 1", "policy.matrix.hihg", "rename `hihg` to `high`"),
        (
            "[policy.matrix.high]\nhigh = 1\nmedium = 2\nlow = 3\nlwo = 3",
            "policy.matrix.high.lwo",
            "rename `lwo` to `low`",
        ),
        ("[clients.ACME]\nhandlnig = 'off'", "clients.ACME.handlnig", "rename `handlnig` to `handling`"),
        ("[clients.'A & B'.matrix.low]\nxyz = 1", 'clients."A & B".matrix.low.xyz', "known keys: high, low, medium"),
        ("[web]\npassword = 'x'", "web.password", "known keys: certificate, console_url, entra, frame_ancestors"),
        ("file = 'x'", "file", "remove `file`"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(refused: Refused, text: str, key: str, fix: str) -> None:
    problem = next(each for each in refused(text) if each.key == key)
    assert problem.expected.startswith("a key")
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[web]\nport = 'many'", "web.port", "a valid integer"),
        ("[web]\nport = '8484'", "web.port", "a valid integer"),
        ("[web]\nport = true", "web.port", "a valid integer"),
        ("[web]\nport = 65536", "web.port", "less than or equal to 65535"),
        ("[web]\nport = 84.84", "web.port", "a valid integer"),
        ("[desk]\nname = 5", "desk.name", "a valid string"),
        ("[desk]\nname = ''", "desk.name", "at least 1 character"),
        ("[desk]\nname = ['x']", "desk.name", "a valid string"),
        ("[intake]\npoll_seconds = nan", "intake.poll_seconds", "less than or equal to 3600"),
        ("[intake]\npoll_seconds = 2026-01-01", "intake.poll_seconds", "a valid number"),
        ("[intake]\ntriage_backlog = 1", "intake.triage_backlog", "a valid boolean"),
        ("[policy]\nhandling = 'sugest'", "policy.handling", "'off', 'suggest' or 'apply'"),
        ("[policy]\nfields = ['type', 'tpye']", "policy.fields[1]", "'type', 'subtype'"),
        ("[policy]\nfields = 'type'", "policy.fields", "a valid array"),
        ("[policy]\nminimum_confidence = 85", "policy.minimum_confidence", "less than or equal to 1"),
        ("[clients.ACME]\nhandling = true", "clients.ACME.handling", "'off', 'suggest' or 'apply'"),
        ("[clients.ACME.matrix.high]\nhigh=1\nmedium=2\nlow='3'", "clients.ACME.matrix.high.low", "a valid integer"),
        ("[identity]\nown_domains = ['https://x']", "identity.own_domains[0]", "not a domain name"),
        ("[identity]\nown_domains = ['gmail.com']", "identity.own_domains[0]", "anyone can have an address"),
        ("[identity.verified_domains]\n7 = ['-']", "identity.verified_domains.7[0]", "not a domain name"),
        ("[log]\nlevel = 'loud'", "log.level", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_what_was_expected(
    refused: Refused, text: str, key: str, expected: str
) -> None:
    problem = only(refused(text))
    assert (problem.key, problem.fix.partition(" ")[0]) == (key, "change")
    assert expected in problem.expected
    assert not problem.expected.startswith(("Input", "Value error"))


def test_the_fix_of_a_nested_value_says_what_the_setting_means(refused: Refused) -> None:
    for text in ("[policy]\nfields = ['tpye']", "[clients.ACME]\nfields = ['tpye']"):
        assert "The fields that may be set" in only(refused(text)).fix


@pytest.mark.parametrize("value", ["5", "'x'", "true", "[]", "[1]", "2026-01-01", "1.5"])
@pytest.mark.parametrize("key", ["desk", "web", "policy", "identity", "engine", "triage", "clients", "connectors"])
def test_something_else_where_a_table_belongs_is_told(refused: Refused, key: str, value: str) -> None:
    problem = next(each for each in refused(f"{key} = {value}") if each.key == key)
    assert problem.expected.startswith("a table")
    assert f"[{key}]" in problem.fix


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[[desk]]\nname = 'x'", "desk"),
        ("[[connectors]]\nname = 'x'", "connectors"),
        ("[[connectors.psa_connectwise]]\nsite = 'x'", "connectors.psa_connectwise"),
        ("[connectors]\npsa_connectwise = 'x'", "connectors.psa_connectwise"),
        ("[[clients.ACME]]\nhandling = 'off'", "clients.ACME"),
        ("[clients]\nACME = 'off'", "clients.ACME"),
        ("[policy]\nmatrix = 3", "policy.matrix"),
        ("[policy.matrix]\nhigh = [1, 2, 3]", "policy.matrix.high"),
        ("[[policy.matrix.high]]\nhigh = 1", "policy.matrix.high"),
    ],
)
def test_an_array_of_tables_or_a_value_in_place_of_a_table_names_the_table(
    refused: Refused, text: str, key: str
) -> None:
    problem = only(refused(text))
    assert problem.key == key
    assert problem.fix == f"write it as [{key}], its keys below"


def test_a_required_key_that_is_missing_names_its_section(refused: Refused) -> None:
    problem = only(refused("[clients.ACME.matrix.high]\nhigh = 1\nmedium = 2"))
    assert problem.key == "clients.ACME.matrix.high.low"
    assert problem.expected == "Rank when the urgency is low."
    assert problem.fix == "add `low = …` to [clients.ACME.matrix.high]"


def test_a_matrix_that_contradicts_itself_is_told_with_the_cell_to_change(refused: Refused) -> None:
    problem = only(refused("[policy.matrix.low]\nhigh = 1\nmedium = 1\nlow = 1"))
    assert problem.key == "policy.matrix"
    assert "lower" in problem.expected


def test_no_connector_at_all_is_told_with_an_example(write: Write, refused: Refused, tmp_path: Path) -> None:
    assert "[connectors.psa_connectwise]" in only(refused("[connectors]")).expected
    path = tmp_path / "empty.toml"
    path.write_text("")
    with pytest.raises(InvalidConfigurationError) as raised:
        load(path)
    problem = only(raised.value.problems)
    assert problem.key == "connectors"
    assert "[connectors.<name>]" in problem.fix
    assert load(write("")).connectors


def test_all_mistakes_are_told_at_once(refused: Refused) -> None:
    text = """
        [desk]
        nmae = "x"
        [web]
        port = "many"
        [connectors.psa_connectwise]
        private_key = "file:secrets/nowhere"
        client_id = "env:DESKHAND_NO_SUCH_VARIABLE"
    """
    keys = {each.key for each in refused(text)}
    assert keys == {
        "desk.nmae",
        "web.port",
        "connectors.psa_connectwise.private_key",
        "connectors.psa_connectwise.client_id",
    }


def test_the_message_names_file_key_expectation_and_fix_in_three_lines(tmp_path: Path) -> None:
    problem = Problem(tmp_path / "deskhand.toml", "web.port", "a number", "change it")
    assert str(problem) == f"{tmp_path / 'deskhand.toml'}: web.port\n  expected: a number\n  fix: change it"
    assert "(whole file)" in str(Problem(tmp_path, "", "a file", "write one"))


def test_the_template_is_valid_once_its_secrets_are_there(tmp_path: Path) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    with pytest.raises(InvalidConfigurationError) as raised:
        load(path)
    assert [each.key.rpartition(".")[2] for each in raised.value.problems] == ["public_key", "private_key", "client_id"]
    (tmp_path / "secrets").mkdir()
    for name in ("public-key", "private-key", "client-id"):
        (tmp_path / "secrets" / f"connectwise-{name}").write_text("something\n", encoding="utf-8")
    assert load(path).connectors["psa_connectwise"]["private_key"] == "something"
