from collections.abc import Mapping
from pathlib import Path

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deskhand.configuration.loading import connector_settings, load
from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.configuration.secret_references import SecretReferenceError, dereference
from deskhand.registry import Registry
from tests.core.configuration.conftest import Refused, Write

SECRET = "hunter2-hunter2"  # noqa: S105  # invented
REGISTRY = Registry.discover({"psa_connectwise"})
GOOD: Mapping[str, object] = {
    "site": "eu.myconnectwise.net",
    "company_id": "acme",
    "public_key": "public",
    "private_key": "private",
    "client_id": "client",
}


def test_a_reference_to_a_file_is_read_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"  {SECRET}\n", encoding="utf-8")
    assert dereference("file:key", tmp_path) == SECRET
    assert dereference(f"file:{tmp_path / 'key'}", Path("/")) == SECRET


def test_a_reference_to_a_variable_is_read_from_the_environment(tmp_path: Path) -> None:
    assert dereference("env:DESKHAND_KEY", tmp_path, {"DESKHAND_KEY": SECRET}) == SECRET


@pytest.mark.parametrize(
    "value", ["plain", "https://x", "profile:x", ":", "", 5, True, None, ["file:x"], {"a": "env:X"}]
)
def test_anything_else_is_left_as_it_is(tmp_path: Path, value: object) -> None:
    assert dereference(value, tmp_path, {}) == value


@pytest.mark.parametrize("name", ["missing", ".", "binary", "nul\0nul", "x" * 5000])
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SecretReferenceError) as raised:
        dereference(f"file:{name}", tmp_path)
    assert str(tmp_path) in raised.value.expected
    assert "chmod 600" in raised.value.fix


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretReferenceError, match="DESKHAND_ABSENT") as raised:
        dereference("env:DESKHAND_ABSENT", tmp_path, {})
    assert raised.value.fix == "export DESKHAND_ABSENT=… before starting"


def test_what_cannot_be_a_variables_name_may_be_the_secret_itself_and_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SecretReferenceError) as raised:
        dereference(f"env:{SECRET}", tmp_path, {})
    assert SECRET not in f"{raised.value.expected} {raised.value.fix} {raised.value}"


def test_a_missing_secret_names_the_connectors_key(refused: Refused) -> None:
    (problem,) = refused("[connectors.psa_connectwise]\nprivate_key = 'file:secrets/key'")
    assert problem.key == "connectors.psa_connectwise.private_key"
    assert problem.expected.endswith("secrets/key")


@pytest.mark.parametrize(
    "text",
    [
        f"[desk]\nprivate_key = '{SECRET}'",
        f"[web]\nport = '{SECRET}'",
        f"[policy]\nhandling = '{SECRET}'",
        f"[identity]\nown_domains = ['{SECRET}']",
        f"connectors = '{SECRET}'",
        f"[connectors]\npsa_connectwise = '{SECRET}'",
        f"[clients]\nACME = '{SECRET}'",
        f"token = '{SECRET}'",
        f"[[desk]]\nprivate_key = '{SECRET}'",
        f"[desk]\nname = ['{SECRET}']",
        f"[desk]\nname = '{SECRET}",
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(refused: Refused, text: str) -> None:
    assert SECRET not in "".join(map(str, refused(text)))


def test_nor_is_it_in_what_caused_the_error(write: Write) -> None:
    with pytest.raises(InvalidConfigurationError) as raised:
        load(write(f"[web]\nport = '{SECRET}'"))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def misuses(secret: str) -> st.SearchStrategy[object]:
    """Every shape in which someone may write a secret down."""
    return st.sampled_from(
        [
            secret,
            [secret],
            {"value": secret},
            {secret: 1},
            f"https://{secret}",
            f"https://user:{secret}@host.example",
            f"https://host.example:{secret}",
            f"http://{secret}.example",
            f"https://[{secret}]",
            f"{secret}/path",
            f"env:{secret}",
            f"https://host.example/{secret}#{secret}",
            5,
            True,
            "",
        ]
    )


KEYS = sorted(REGISTRY.plugins["psa_connectwise"].connector.settings.model_fields)  # type: ignore[union-attr]  # it has one


def told(path: Path) -> str:
    """Read a configuration, and return the explanation of its mistakes, or its settings as the log might show them."""
    try:
        return repr(connector_settings(load(path), REGISTRY, "psa_connectwise"))
    except InvalidConfigurationError as error:
        return str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(section=st.dictionaries(st.sampled_from([*KEYS, "sekret_key"]), misuses(SECRET), min_size=1, max_size=4))
@example(section={"site": f"https://host.example:{SECRET}"})
@example(section={"sekret_key": SECRET})
def test_no_mistake_in_a_connectors_section_repeats_a_value(tmp_path: Path, section: dict[str, object]) -> None:
    path = tmp_path / "deskhand.toml"
    path.write_text(tomli_w.dumps({"connectors": {"psa_connectwise": {**GOOD, **section}}}), encoding="utf-8")
    public = {"site", "company_id", "callback_url", "callback_key_url"}
    if not public & section.keys() or told(path).count("expected:"):
        assert SECRET not in told(path)
