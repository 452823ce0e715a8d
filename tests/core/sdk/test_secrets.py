"""A sealed secret opens for a request that was let go, in its thread and for its package, and shows itself nowhere."""

import copy
import gc
import json
import pickle
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from deskhand.sdk.errors import AuthorizationError, ConnectorError, HeldBackError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.secrets import SealedSecret, SecretSealedError, basic, permit
from deskhand.sdk.settings import ConnectorSettings
from deskhand.sdk.testing import DropBefore, SimulatedResponse, SimulatorHost, TruncatedBody
from deskhand.sdk.traffic import directed
from deskhand.sdk.wire import Form
from tests.core.sdk.scripted_vendor import Answer, Naps, ScriptedVendor, ok, status
from tests.core.sdk.test_traffic import ME, Watchman

VALUE = "-".join(["hush"] * 3)


class Settings(ConnectorSettings):
    """Settings with a secret."""

    token: SecretStr = Field(description="Its token.")


class Safe:
    """Plays a store: what it holds may change, and it counts how often it was asked."""

    def __init__(self) -> None:
        self.value = VALUE
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.value


@pytest.fixture
def safe() -> Safe:
    return Safe()


@pytest.fixture
def secret(safe: Safe) -> SealedSecret:
    return SealedSecret("connectors.psa_x.token", ME, safe)


@pytest.fixture
def sealed(secret: SealedSecret) -> Settings:
    return Settings(token=SecretStr(VALUE)).model_copy(update={"token": secret})


Dial = Callable[..., tuple[HttpClient, ScriptedVendor, SimulatorHost]]


@pytest.fixture
def dial(secret: SealedSecret) -> Iterator[Dial]:
    """Open a client that signs in with the secret."""
    ends: list[HttpClient] = []
    hosts: list[SimulatorHost] = []

    def open_it(*answers: Answer) -> tuple[HttpClient, ScriptedVendor, SimulatorHost]:
        vendor = ScriptedVendor(*answers)
        hosts.append(host := SimulatorHost(vendor))
        host.start()
        client = HttpClient(
            host.url,
            credential=lambda: basic("user", secret.get_secret_value()),
            allow_private_addresses=True,
            patience=Naps().patience(),
        )
        ends.append(client)
        return client, vendor, host

    yield open_it
    for each in ends:
        each.close()
    for host in hosts:
        host.stop()


def test_it_is_opened_only_where_that_is_permitted(secret: SealedSecret, safe: Safe) -> None:
    for package in ("", "deskhand_psa_other", f"{ME}x"):
        with permit(package), pytest.raises(SecretSealedError, match=r"connectors\.psa_x\.token.*function"):
            secret.get_secret_value()
    with pytest.raises(SecretSealedError):
        len(secret)
    assert safe.asked == 0
    with permit(ME):
        assert (secret.get_secret_value(), len(secret)) == (VALUE, len(VALUE))


def test_a_permit_holds_for_its_thread_and_its_block(secret: SealedSecret) -> None:
    refused: list[bool] = []

    def elsewhere() -> None:
        with pytest.raises(SecretSealedError):
            secret.get_secret_value()
        refused.append(True)

    with permit(ME):
        with permit("deskhand_psa_other"), pytest.raises(SecretSealedError):
            secret.get_secret_value()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert secret.get_secret_value() == VALUE
    assert refused == [True]
    with pytest.raises(SecretSealedError):
        secret.get_secret_value()


def test_it_shows_itself_nowhere_and_is_opened_by_no_look_at_it(
    sealed: Settings, secret: SealedSecret, safe: Safe
) -> None:
    looks = (repr, str, "{!r:}".format, Settings.model_dump_json, lambda each: json.dumps(each.model_dump(mode="json")))
    with permit(ME):  # even there
        for look in looks:
            assert "**********" in look(sealed), look
            assert VALUE not in look(sealed)
        assert sealed.model_dump() == {**sealed.model_dump(exclude={"token"}), "token": secret}
        for same in (copy.copy(secret), copy.deepcopy(secret), sealed.model_copy(deep=True).token):
            assert same is secret
        assert secret == secret  # noqa: PLR0124  # it compares itself by identity
        assert secret != SecretStr(VALUE)
        assert {secret: 1}[secret]
        assert secret
        for each in (secret, sealed):
            with pytest.raises(TypeError, match="leaves this process in no form"):
                pickle.dumps(each)
    assert safe.asked == 0


@given(st.text(min_size=1))
def test_basic_authentication_is_the_one_httpx_writes(password: str) -> None:
    request = httpx.Request("GET", "https://vendor.example")
    flow = httpx.BasicAuth("user", password).auth_flow(request)
    assert basic("user", password)["Authorization"] == next(flow).headers["Authorization"]


# For a request


def test_each_attempt_and_page_opens_it_anew(dial: Dial, safe: Safe) -> None:
    client, vendor, _ = dial(ok([1], link='</more>; rel="next"'), status(503), ok([2]))
    pages = client.pages("/first")
    next(pages)
    safe.value = "another"
    assert list(pages) == [[2]]
    assert safe.asked == len(vendor.seen) == 3
    written = [each.headers["authorization"] for each in vendor.seen]
    assert written == [basic("user", each)["Authorization"] for each in (VALUE, "another", "another")]


def test_what_is_held_back_opens_nothing(dial: Dial, safe: Safe) -> None:
    client, vendor, _ = dial()
    with directed(ME, Watchman(lets=0)):
        for form in (None, {"client_secret": safe}):
            with pytest.raises(HeldBackError):
                client.send("POST", "/token", form=form)
    assert (safe.asked, vendor.seen) == (0, [])


def test_a_field_of_a_form_is_asked_for_when_it_leaves(dial: Dial, secret: SealedSecret, safe: Safe) -> None:
    client, vendor, _ = dial(status(503), ok())
    form: Form = {"grant": "x & y", "client_secret": secret.get_secret_value}
    client.json("POST", "/token", form=form, idempotent=True, params={"a": "b"}, headers={"X-More": "1"})
    assert safe.asked == 4, "the header and the field, twice"
    for sent in vendor.seen:
        assert sent.body.decode() == f"grant=x+%26+y&client_secret={VALUE}"
        assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
        assert (sent.headers["content-length"], sent.headers["x-more"]) == (str(len(sent.body)), "1")
        assert sent.query == {"a": ("b",)}


@pytest.mark.parametrize("value", ["two\nlines", "snow\N{SNOWMAN}man\ud800", None])
def test_what_cannot_be_sent_asks_for_a_person_and_is_not_quoted(safe: Safe, value: str | None) -> None:
    def credential() -> dict[str, str]:
        if value is None:
            raise AuthorizationError("there is no secret: set it")
        return {"X-Key": f"{safe()} {value}"}

    with SimulatorHost(ScriptedVendor(ok())) as host:
        options = {"allow_private_addresses": True, "patience": Naps().patience()}
        with HttpClient(host.url, credential=credential, **options) as client, pytest.raises(ConnectorError) as raised:  # type: ignore[arg-type]  # a test's own options
            client.get("/x")
        assert host.requests == 0
    assert VALUE not in str(raised.value)


# Afterwards


def leads_to(start: object, text: str) -> bool:
    """Tell whether a text is in any string that an object leads to, other than the vendor's and the test's own."""
    seen: dict[int, object] = {}
    todo = [start]
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, type | Safe | ScriptedVendor | type(gc)):
            continue
        seen[id(each)] = each
        if isinstance(each, str | bytes | bytearray):
            held = each if isinstance(each, str) else bytes(each).decode("latin-1")
            if text in held:
                return True
            continue
        if isinstance(each, BaseException):
            frame = each.__traceback__
            while frame is not None:
                if not frame.tb_frame.f_code.co_name.startswith("test_"):
                    todo += list(frame.tb_frame.f_locals.values())
                frame = frame.tb_next
            todo += [each.__context__, each.__cause__, each.__dict__, each.args]
        elif isinstance(each, dict | list | tuple | set) or hasattr(each, "__dict__"):
            todo += gc.get_referents(each)
    return False


@pytest.mark.parametrize("kind", [AuthorizationError, ValueError])
def test_a_credential_that_fails_half_way_leaves_nothing_of_what_it_opened(safe: Safe, kind: type[Exception]) -> None:
    def credential() -> dict[str, str]:
        opened = f"{safe()}, which is half of it"
        raise kind("there is no other half") if opened else AssertionError

    with (
        SimulatorHost(ScriptedVendor(ok())) as host,
        HttpClient(host.url, credential=credential, allow_private_addresses=True) as client,
        pytest.raises(AuthorizationError) as raised,
    ):
        client.get("/x")
    assert safe.asked == 1
    assert not leads_to(raised.value, f"{VALUE}, which is half of it")


@pytest.mark.parametrize(
    "answer",
    [
        ok({"id": 7}),
        status(401),
        status(404),
        status(503),
        SimulatedResponse(200, b"<html>"),
        TruncatedBody(),
        DropBefore(),
        None,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_that_is_left_of_a_request_leads_back_to_it(
    dial: Dial, answer: Answer | TruncatedBody | DropBefore | None, method: str
) -> None:
    client, _, host = dial(answer if isinstance(answer, SimulatedResponse) else ok({"id": 7}))
    if isinstance(answer, TruncatedBody | DropBefore):
        host.faults.schedule(answer, 50)
    if answer is None:
        host.stop()
    left: object
    try:
        left = client.send(method, "/x", form={"a": "b"} if method == "POST" else None)
        client.json(method, "/x")
    except ConnectorError as error:
        left = error
    sent = basic("user", VALUE)["Authorization"].removeprefix("Basic ")
    assert not leads_to([client, left], sent)
