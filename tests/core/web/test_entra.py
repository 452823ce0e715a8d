"""Signing in with Entra ID, through the real MSAL, at an authority on loopback that can answer wrongly."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import SecretStr

from deskhand.desk.desk import Desk
from deskhand.desk.governing import OPERATOR
from deskhand.desk.refusals import DeskRefusedError
from deskhand.governance.entra.pending import LASTS, MOST_BY_ADDRESS
from deskhand.records import accounts
from deskhand.records.accounts import Account, Role
from deskhand.sdk.clock import utc_now
from deskhand.sdk.testing import SimulatorHost
from deskhand.web.access import form_key
from deskhand.web.app import create_app
from tests.core.web.browser import DOCUMENT, Browser
from tests.core.web.conftest import PASSWORD, quiet_desk
from tests.entra_authority import CLIENT_ID, CLIENT_SECRET, OTHER_TENANT, TENANT, Claims, EntraAuthority, Someone

ORIGIN = "http://localhost:8484"
CALLBACK = f"{ORIGIN}/sign-in/entra/callback"
GROUP = "77777777-1111-4000-8000-000000000001"
ROLES = {"Desk.Technician": ["technician"], "Desk.Admin": ["admin"], GROUP: ["approver"], "Desk.Reader": []}
COOKIE = "deskhand-entra"


@dataclass
class Way:
    """A desk, its tenant's authority, and a browser that goes from one to the other and back."""

    desk: Desk
    authority: EntraAuthority
    host: SimulatorHost
    browser: Browser

    def start(self, wanted: str = "/runs") -> httpx.Response:
        return self.browser.get(f"/sign-in/entra?next={wanted}")

    def pick(self, started: httpx.Response, who: Someone) -> str:
        """Be somebody at the authority, and return where the browser is sent back to."""
        with httpx.Client(trust_env=False) as client:
            page = client.get(started.headers["location"])
            assert page.status_code == 200, page.text
            link = f"/{TENANT}/pick/{len(self.authority.asked) - 1}/{who.object_id}"
            assert link in page.text
            return client.get(f"{self.host.url}{link}").headers["location"]

    def come_back(self, where: str, started: httpx.Response | None, *, at: Browser | None = None) -> httpx.Response:
        assert where.startswith(CALLBACK)
        headers = {**DOCUMENT, "sec-fetch-site": "cross-site"}
        if started is not None:
            headers["cookie"] = f"{COOKIE}={cookie_of(started)}"
        return (at or self.browser).get(where.removeprefix(ORIGIN), headers=headers)

    def sign_in(self, who: Someone, wanted: str = "/runs") -> httpx.Response:
        started = self.start(wanted)
        return self.come_back(self.pick(started, who), started)

    def account(self, who: Someone) -> Account | None:
        wanted = f"{TENANT}/{who.object_id}"
        return next((each for each in self.desk.governing.accounts() if each.entra == wanted), None)

    def told(self, kind: str) -> int:
        return sum(each.kind == kind for each in self.desk.records.audit_entries())


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition("=")[2].partition(";")[0]


def session_of(answer: httpx.Response) -> str:
    """Return the session that began; empty where none did."""
    found = [each for each in answer.headers.get_list("set-cookie") if each.startswith("deskhand-session=")]
    return found[0].partition("=")[2].partition(";")[0] if found else ""


@contextmanager
def open_way(roles: dict[str, list[str]]) -> Iterator[Way]:
    authority = EntraAuthority()
    authority.redirect_uris = {CALLBACK}
    with SimulatorHost(authority) as host:
        entra = {"tenant_id": TENANT, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "authority": host.url}
        with quiet_desk(web={"entra": {**entra, "roles": roles}}) as desk:
            yield Way(desk, authority, host, Browser(create_app(desk), name="localhost:8484"))


@pytest.fixture
def way() -> Iterator[Way]:
    with open_way(ROLES) as opened:
        yield opened


def test_somebody_signs_in_and_lands_on_the_page_they_asked_for_first(way: Way) -> None:
    ada = way.authority.hire("Ada.Lovelace@msp.example", "Ada Lovelace", "Desk.Technician", groups=[GROUP])
    answer = way.sign_in(ada, "/approvals/a-1%3Fx")
    assert (answer.status_code, answer.headers["location"]) == (303, "/approvals/a-1?x")
    page = Browser(way.browser.app, token=session_of(answer)).get("/")
    assert "Ada Lovelace" in page.text
    found = way.account(ada)
    assert found is not None
    assert (found.name, found.roles) == ("ada.lovelace@msp.example", frozenset({Role.TECHNICIAN, Role.APPROVER}))
    assert way.told("account.entra_signed_in") == 1


def test_what_is_kept_for_the_way_is_not_in_the_browser(way: Way) -> None:
    started = way.start()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(started.headers["location"]).query).items()}
    assert started.headers["location"].startswith(f"{way.host.url}/{TENANT}/oauth2/v2.0/authorize?")
    assert (asked["code_challenge_method"], asked["response_mode"]) == ("S256", "query")
    assert set(asked["scope"].split()) == {"openid", "profile"}
    (cookie,) = started.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"} <= set(cookie.split("; "))
    (kept,) = way.desk.entra.pending._known.values()
    for secret in (kept.flow.kept["code_verifier"], kept.flow.kept["nonce"], kept.flow.state, CLIENT_SECRET):
        assert secret not in cookie
        assert secret == kept.flow.state or secret not in started.headers["location"]


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/%5Cevil.example", "javascript:x", ""])
def test_it_leads_nowhere_but_to_our_own_pages(way: Way, wanted: str) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    assert way.sign_in(ada, wanted).headers["location"] == "/"


def test_a_sign_in_serves_once_in_the_browser_it_began_in_for_ten_minutes(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    started = way.start()
    where = way.pick(started, ada)
    assert refused(way.come_back(where, None)) == 401
    assert refused(way.come_back(where, way.start())) == 401
    assert refused(way.come_back(where.replace("state=", "state=x"), started)) == 401
    assert refused(way.come_back(where, started)) == 401, "a wrong answer has used it up"
    started = way.start()
    where = way.pick(started, ada)
    assert session_of(way.come_back(where, started))
    assert refused(way.come_back(where, started)) == 401
    late = way.start()
    where = way.pick(late, ada)
    monkeypatch.setattr(way.desk.entra.pending, "clock", lambda: utc_now() + LASTS)
    assert refused(way.come_back(where, late)) == 401
    assert way.authority.tokens == 1


def test_a_code_that_was_taken_elsewhere_is_worth_nothing(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    mine, theirs = way.start(), way.start()
    code = parse_qs(urlsplit(way.pick(mine, ada)).query)["code"][0]
    state = parse_qs(urlsplit(theirs.headers["location"]).query)["state"][0]
    answer = way.come_back(f"{CALLBACK}?code={code}&state={state}", theirs)
    assert refused(answer) == 401
    assert "AADSTS50148" in answer.text, "PKCE: the verifier is another one"


def refused(answer: httpx.Response) -> int:
    assert "Not signed in" in answer.text
    assert not session_of(answer)
    return answer.status_code


def changed(**claims: object) -> Callable[[Claims], Claims]:
    return lambda given: {name: value for name, value in {**given, **claims}.items() if value is not None}


NOW = int(time.time())


@pytest.mark.parametrize(
    "twist",
    [
        changed(nonce="another"),
        changed(nonce=None),
        changed(aud="00000000-0000-4000-8000-000000000bad"),
        changed(aud=[CLIENT_ID, "00000000-0000-4000-8000-000000000bad"]),
        changed(aud=None),
        changed(tid=OTHER_TENANT),
        changed(tid=None),
        changed(iss=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"),
        changed(iss=None),
        changed(exp=NOW - 600),
        changed(exp=None),
        changed(nbf=NOW + 6_000),
        changed(oid=None),
        changed(oid="ada@msp.example"),
        changed(oid=["a"]),
        changed(ver="1.0"),
        changed(roles="Desk.Admin"),
        changed(roles=[{"Desk.Admin": 1}]),
    ],
)
def test_a_token_that_says_something_else_signs_nobody_in(way: Way, twist: Callable[[Claims], Claims]) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    way.authority.twist = twist
    assert refused(way.sign_in(ada)) == 401
    assert (way.authority.tokens, way.account(ada)) == (1, None)
    assert way.told("account.entra_failed") == 1


def test_a_token_that_is_signed_otherwise_signs_nobody_in(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    other, authority = generate_private_key(65537, 2048), way.authority
    pem = authority.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def with_public_key(claims: Claims) -> str:
        header, payload, _ = jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "one"}).split(".")
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            f"{header}.{payload}".encode(), pem
        )
        return f"{header}.{payload}.{jwt.utils.base64url_encode(signature).decode()}"

    ways: dict[str, Callable[[Claims], str]] = {
        "nobody": lambda claims: jwt.encode(claims, "", algorithm="none", headers={"kid": "one"}),
        "another key": lambda claims: authority.signed(claims, other),
        "an unknown key": lambda claims: authority.signed(claims, other, kid="two"),
        "a key of its own": lambda claims: authority.signed(
            claims, other, jwk=jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
        ),
        "the public key as a secret": with_public_key,
        "no signature": lambda claims: authority.signed(claims).rpartition(".")[0] + ".",
        "another's payload": lambda claims: ".".join(
            (authority.signed(claims).split(".")[0], authority.signed({**claims, "oid": "x"}).split(".")[1], "AA")
        ),
    }
    for name, sign in ways.items():
        authority.sign = sign
        assert refused(way.sign_in(ada)) == 401, name
    assert way.account(ada) is None
    authority.sign = None
    assert session_of(way.sign_in(ada)), "the same way, signed as it should be, leads in"


def test_who_is_not_mapped_stays_out_and_who_is_mapped_to_nothing_comes_in_without_a_role(way: Way) -> None:
    nobody = way.authority.hire("eve@msp.example", "Eve", "Desk.Unknown", groups=[GROUP.replace("1", "2")])
    assert refused(way.sign_in(nobody)) == 403
    assert way.account(nobody) is None
    reader = way.authority.hire("rea@msp.example", "Rea", "Desk.Reader")
    assert session_of(way.sign_in(reader))
    assert [each.roles for each in way.desk.governing.accounts() if each.entra] == [frozenset()]


def test_a_group_is_no_app_role_and_an_app_role_is_no_group(way: Way) -> None:
    eve = way.authority.hire("eve@msp.example", "Eve", GROUP, groups=["Desk.Admin"])
    assert refused(way.sign_in(eve)) == 403


def test_roles_are_taken_anew_at_each_sign_in_and_whoever_loses_them_all_is_out_at_once(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    session = session_of(way.sign_in(ada))
    ada.roles = ["Desk.Admin"]
    assert session_of(way.sign_in(ada))
    assert [each.roles for each in way.desk.governing.accounts() if each.entra] == [{Role.ADMIN}]
    assert Browser(way.browser.app, token=session).get("/accounts").status_code == 200
    ada.roles = []
    assert refused(way.sign_in(ada)) == 403
    assert Browser(way.browser.app, token=session).get("/").status_code == 303


def test_a_local_account_of_the_same_name_is_not_taken_over(way: Way) -> None:
    way.desk.governing.add_account(OPERATOR, Account("ada@msp.example", "Ada", frozenset({Role.ADMIN})), PASSWORD)
    ada = way.authority.hire("Ada@MSP.example", "Ada", "Desk.Technician")
    answer = way.sign_in(ada)
    assert refused(answer) == 403
    assert f"deskhand account link ada@msp.example {ada.object_id}" in answer.text
    kept = accounts.find(way.desk.records, "ada@msp.example")
    assert kept is not None
    assert (kept.entra, kept.roles) == (None, frozenset({Role.ADMIN}))
    way.desk.governing.change_account(OPERATOR, replace(kept, entra=f"{TENANT}/{ada.object_id}"))
    assert session_of(way.sign_in(ada))
    assert accounts.find(way.desk.records, "ada@msp.example") == replace(
        kept, entra=f"{TENANT}/{ada.object_id}", roles=frozenset({Role.TECHNICIAN})
    )


def test_whoever_is_given_somebodys_old_address_is_not_given_their_account(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Admin")
    assert session_of(way.sign_in(ada))
    ada.username = "ada.king@msp.example"
    assert session_of(way.sign_in(ada)), "the person is the same, whatever they are called"
    heir = way.authority.hire("ada@msp.example", "Another Ada", "Desk.Technician")
    assert refused(way.sign_in(heir)) == 403
    assert len([each for each in way.desk.governing.accounts() if each.entra]) == 1


def test_an_account_that_is_disabled_here_stays_out(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    session = session_of(way.sign_in(ada))
    found = way.account(ada)
    assert found is not None
    way.desk.governing.change_account(OPERATOR, replace(found, is_active=False))
    assert Browser(way.browser.app, token=session).get("/").status_code == 303
    answer = way.sign_in(ada)
    assert (refused(answer), "disabled" in answer.text) == (403, True)


def test_without_a_mapping_only_linked_accounts_come_in_in_the_roles_they_have_here() -> None:
    with open_way({}) as way:
        ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Admin")
        answer = way.sign_in(ada)
        assert (refused(answer), ada.object_id in answer.text) == (403, True)
        linked = Account("ada", "Ada", frozenset({Role.AUDITOR}), entra=f"{TENANT}/{ada.object_id}")
        way.desk.governing.add_account(OPERATOR, linked)
        assert session_of(way.sign_in(ada))
        assert accounts.find(way.desk.records, "ada") == linked


def test_more_groups_than_a_token_holds_are_told_and_not_taken_for_none(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    way.authority.twist = changed(_claim_names={"groups": "src1"}, _claim_sources={"src1": {"endpoint": "https://x"}})
    answer = way.sign_in(ada)
    assert (refused(answer), "more groups" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("AADSTS50105: Your administrator has configured <b>this</b>", "not assigned"),
        ("AADSTS65004: declined", "declined"),
        ("AADSTS90094: consent", "AADSTS90094"),
        ("<script>alert(1)</script> call 555 0100", "Entra ID did not sign you in."),
    ],
)
def test_a_refusal_by_entra_is_told_by_its_number_and_never_in_its_words(way: Way, reason: str, said: str) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    way.authority.declines = reason
    answer = way.sign_in(ada, "/runs")
    assert (refused(answer), said in answer.text) == (401, True)
    assert "555" not in answer.text
    assert "configured" not in answer.text
    assert 'href="/sign-in?next=/runs"' in answer.text, "another try leads to the same page"


def test_an_address_nobody_registered_is_refused_by_the_authority(way: Way) -> None:
    way.authority.redirect_uris = set()
    started = way.start()
    with httpx.Client(trust_env=False) as client:
        assert "AADSTS50011" in client.get(started.headers["location"]).text


def test_an_authority_that_does_not_answer_is_told_and_nothing_is_lost(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    started = way.start()
    where = way.pick(started, ada)
    way.host.stop()
    answer = way.come_back(where, started)
    assert (answer.status_code, session_of(answer)) == (502, "")
    way.host.start()
    assert session_of(way.sign_in(ada))


def test_a_wrong_client_secret_is_told_with_the_setting_that_mends_it(way: Way) -> None:
    ada = way.authority.hire("ada@msp.example", "Ada", "Desk.Technician")
    way.desk.entra.close()
    wrong = way.desk.entra.settings.model_copy(update={"client_secret": SecretStr("wrong")})
    way.desk.entra.authority._settings = wrong
    answer = way.sign_in(ada)
    assert (refused(answer), "AADSTS7000215" in answer.text, "[web.entra]" in answer.text) == (401, True, True)


def test_an_address_that_begins_many_and_ends_none_puts_out_its_own_first(way: Way) -> None:
    other = replace(way.browser, address="127.0.0.2")
    first = other.get("/sign-in/entra")
    for _ in range(MOST_BY_ADDRESS + 5):
        way.start()
    pending = way.desk.entra.pending
    assert len(pending._known) == MOST_BY_ADDRESS + 1
    state = parse_qs(urlsplit(first.headers["location"]).query)["state"][0]
    assert pending.take(cookie_of(first), state) is not None


def test_whoever_guesses_has_to_wait(way: Way) -> None:
    statuses = [way.come_back(f"{CALLBACK}?code=x&state=y", None).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert way.start().status_code == 429


def test_where_it_is_not_set_up_there_is_no_such_page(desk: Desk) -> None:
    browser = Browser(create_app(desk))
    for path in ("/sign-in/entra", "/sign-in/entra/callback?code=x&state=y"):
        assert browser.get(path).status_code == 404
    assert "Microsoft" not in browser.get("/sign-in").text


# Turning passwords off


def admitted(way: Way, *roles: str) -> tuple[Account, Browser]:
    """Sign somebody in with Entra ID, and return their account and their browser."""
    someone = way.authority.hire(f"someone{len(way.authority.people)}@msp.example", "Someone", *roles)
    token = session_of(way.sign_in(someone))
    account = way.account(someone)
    assert account is not None
    return account, Browser(way.browser.app, name="localhost:8484", token=token, csrf=form_key(token))


def test_an_admin_who_signs_in_with_entra_turns_passwords_off_and_on(way: Way) -> None:
    governing, (_, admin) = way.desk.governing, admitted(way, "Desk.Admin")
    old = governing.sign_in("first", PASSWORD)
    assert old is not None
    assert admin.submit("/accounts/local-sign-in", {"local": "off"}).headers["location"] == "/accounts"
    assert governing.session(old) is None, "whoever came in by a password is out"
    assert admin.get("/accounts").status_code == 200
    assert governing.sign_in("first", PASSWORD) is None
    with pytest.raises(DeskRefusedError):
        governing.confirm("first", PASSWORD)
    assert way.browser.submit("/sign-in", {"name": "first", "password": PASSWORD}).status_code == 401
    assert "turned off" in way.browser.get("/sign-in").text
    assert admin.submit("/accounts/local-sign-in", {"local": "on"}).status_code == 303
    assert governing.sign_in("first", PASSWORD) is not None


def test_whoever_has_not_shown_that_entra_works_cannot_turn_passwords_off(way: Way) -> None:
    governing = way.desk.governing
    first = next(each for each in governing.accounts() if each.name == "first")
    with pytest.raises(DeskRefusedError, match="Entra ID as an admin first"):
        governing.turn_local_sign_in(replace(first, roles=frozenset(Role)), is_on=False)
    technician, browser = admitted(way, "Desk.Technician")
    with pytest.raises(DeskRefusedError, match="lock everybody out"):
        governing.turn_local_sign_in(OPERATOR, is_on=False)
    with pytest.raises(DeskRefusedError, match="role admin"):
        governing.turn_local_sign_in(technician, is_on=False)
    assert browser.submit("/accounts/local-sign-in", {"local": "off"}).status_code == 403
    assert governing.sign_in("first", PASSWORD) is not None


def test_one_account_is_kept_for_emergencies_and_only_the_server_names_it(way: Way) -> None:
    governing, (admin, _) = way.desk.governing, admitted(way, "Desk.Admin")
    with pytest.raises(DeskRefusedError, match="on the server"):
        governing.turn_local_sign_in(admin, is_on=False, break_glass="first")
    with pytest.raises(DeskRefusedError, match="no account of an admin"):
        governing.turn_local_sign_in(OPERATOR, is_on=False, break_glass="nobody-here")
    governing.turn_local_sign_in(OPERATOR, is_on=False, break_glass="first")
    governing.add_account(OPERATOR, Account("second", "Second", frozenset({Role.ADMIN})), PASSWORD)
    assert governing.sign_in("first", PASSWORD) is not None
    assert governing.sign_in("second", PASSWORD) is None
    governing.turn_local_sign_in(admin, is_on=True)
    governing.turn_local_sign_in(admin, is_on=False)
    assert governing.sign_in("first", PASSWORD) is not None, "it stays the one that was named"
    assert governing.sign_in("second", PASSWORD) is None


def test_nothing_tells_from_outside_that_a_password_was_right_where_passwords_are_off(way: Way) -> None:
    governing, _ = way.desk.governing, admitted(way, "Desk.Admin")
    governing.turn_local_sign_in(OPERATOR, is_on=False)
    right, wrong = (way.browser.submit("/sign-in", {"name": "first", "password": each}) for each in (PASSWORD, "x"))
    assert (right.status_code, right.text) == (wrong.status_code, wrong.text)
