import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from pydantic import SecretStr

from deskhand.sdk.errors import AuthorizationError, RateLimitedError, RejectedError, UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.msal_http import MsalHttp
from deskhand.sdk.testing import HtmlErrorPage, ServerError, SimulatedRequest, SimulatorHost, Throttle, TruncatedBody
from deskhand_identity_entra.connector import Entra
from deskhand_identity_entra.settings import key_and_certificate
from deskhand_identity_entra.simulation.sign_in import CLIENT_SECRET
from deskhand_identity_entra.tokens import FIX
from tests.plugins.identity_entra.practice import ADA, ADA_TENANT, BABBAGE, BABBAGE_TENANT, IMPATIENT, Practice, connect
from tests.plugins.identity_entra.test_settings import certificate


def tokens_issued(msp: Practice) -> list[str]:
    return [tenant for tenant, _ in msp.simulator.tokens.values()]


def is_sign_in(request: SimulatedRequest) -> bool:
    return request.path.endswith("/token")


@pytest.fixture
def authority(simulator_host: SimulatorHost) -> Iterator[MsalHttp]:
    with HttpClient(simulator_host.url, allow_private_addresses=True, patience=IMPATIENT) as http:
        yield MsalHttp(http, simulator_host.url, ADA_TENANT, FIX)


def test_one_token_serves_many_calls(connector: Entra, msp: Practice) -> None:
    for _ in range(3):
        connector.account(ADA, msp.ada)
    assert tokens_issued(msp) == [ADA_TENANT]


def test_each_tenant_has_a_token_of_its_own(connector: Entra, msp: Practice) -> None:
    connector.account(ADA, msp.ada)
    connector.account(BABBAGE, msp.stranger)
    assert tokens_issued(msp) == [ADA_TENANT, BABBAGE_TENANT]


def test_a_token_that_was_revoked_is_replaced_once_and_the_call_goes_on(connector: Entra, msp: Practice) -> None:
    connector.account(ADA, msp.ada)
    msp.simulator.expire_tokens()
    assert connector.account(ADA, msp.ada).id == msp.ada
    assert tokens_issued(msp) == [ADA_TENANT, ADA_TENANT]


def test_a_change_refused_for_its_token_is_made_once(connector: Entra, msp: Practice) -> None:
    connector.account(ADA, msp.ada)
    msp.simulator.expire_tokens()
    path = f"/users/{msp.ada}/authentication/temporaryAccessPassMethods"
    connector.tenant(ADA).create(path, {"lifetimeInMinutes": 60})
    assert len(msp.simulator.pass_codes) == 1


def test_a_token_that_ran_out_is_replaced_before_it_is_refused(connector: Entra, msp: Practice) -> None:
    msp.simulator.token_seconds = 60  # less than MSAL's margin of five minutes: it is never used twice
    connector.account(ADA, msp.ada)
    connector.account(ADA, msp.ada)
    assert tokens_issued(msp) == [ADA_TENANT, ADA_TENANT]
    msp.clock.now += timedelta(hours=1)


def test_a_certificate_signs_in_and_nothing_secret_travels(simulator_host: SimulatorHost, msp: Practice) -> None:
    pem = certificate()
    key, signed = key_and_certificate(SecretStr(pem))
    public = load_pem_x509_certificate(signed.encode()).public_key()
    encoded = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    msp.simulator.certificate = encoded.decode()
    with closing(connect(simulator_host.url, client_secret=None, certificate=signed + key)) as connector:
        assert connector.account(ADA, msp.ada).id == msp.ada
    refused = pytest.raises(AuthorizationError, match="AADSTS7000215")
    with closing(connect(simulator_host.url, client_secret=None, certificate=certificate())) as stranger, refused:
        stranger.account(ADA, msp.ada)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-4000-8000-000000000bad"}, "AADSTS700016"),
        ({"tenants": {ADA: "cccccccc-0000-4000-8000-000000000003"}}, "AADSTS90002"),
    ],
)
def test_a_refusal_names_the_vendors_code_and_the_fix(
    simulator_host: SimulatorHost, changes: dict[str, object], code: str
) -> None:
    refused = pytest.raises(AuthorizationError, match=f"company {ADA}.*{code}.*check client_id")
    with closing(connect(simulator_host.url, **changes)) as connector, refused:
        connector.check()


def test_a_tenant_that_did_not_consent_does_not_stop_the_others(connector: Entra, msp: Practice) -> None:
    msp.simulator.tenants[BABBAGE_TENANT].is_consented = False
    with pytest.raises(AuthorizationError, match=f"company {BABBAGE}.*AADSTS700016"):
        connector.check()
    assert connector.account(ADA, msp.ada).id == msp.ada


def test_an_authority_that_stumbles_is_asked_again(
    connector: Entra, simulator_host: SimulatorHost, msp: Practice
) -> None:
    for fault in (ServerError(), TruncatedBody(), HtmlErrorPage(), Throttle(1)):
        simulator_host.faults.clear()
        msp.simulator.expire_tokens()
        simulator_host.faults.schedule(fault, matching=is_sign_in)
        assert connector.account(ADA, msp.ada).id == msp.ada, fault


def test_an_authority_that_asks_for_a_long_pause_is_heard(connector: Entra, simulator_host: SimulatorHost) -> None:
    simulator_host.faults.schedule(Throttle(3600), 50, matching=is_sign_in)
    with pytest.raises(RateLimitedError):
        connector.check()
    simulator_host.faults.clear()
    assert connector.check()


def test_a_page_of_a_proxy_is_no_discovery(connector: Entra, simulator_host: SimulatorHost) -> None:
    simulator_host.faults.schedule(HtmlErrorPage(200), 50)
    with pytest.raises(UnavailableError):
        connector.check()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/{tenant}/oauth2/v2.0/token",
        "https://{host}.evil.example/{tenant}/oauth2/v2.0/token",
        "https://{host}/{other}/oauth2/v2.0/token",
        "https://{host}/common/discovery/instance",
    ],
)
def test_a_credential_goes_to_its_own_tenants_endpoints_only(
    authority: MsalHttp, simulator_host: SimulatorHost, url: str
) -> None:
    host = simulator_host.url.removeprefix("http://")
    with pytest.raises(RejectedError, match="nothing was sent"):
        authority.post(url.format(host=host, tenant=ADA_TENANT, other=BABBAGE_TENANT), data={"client_secret": "x"})
    assert simulator_host.requests == 0


def test_no_log_tells_a_secret(connector: Entra, msp: Practice, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        connector.account(ADA, msp.ada)
    assert CLIENT_SECRET not in caplog.text
    assert "token-1-of-" not in caplog.text
