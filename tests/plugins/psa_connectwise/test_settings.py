import pytest
from pydantic import ValidationError

from deskhand_psa_connectwise.settings import ConnectWiseSettings

GOOD = {
    "site": "eu.myconnectwise.net",
    "company_id": "acme",
    "public_key": "public",
    "private_key": "private",
    "client_id": "client",
}


def with_changes(**changes: object) -> ConnectWiseSettings:
    return ConnectWiseSettings.model_validate({**GOOD, **changes})


@pytest.mark.parametrize(
    ("site", "login", "api"),
    [
        ("eu.myconnectwise.net", "https://eu.myconnectwise.net", "https://api-eu.myconnectwise.net"),
        ("api-eu.myconnectwise.net", "https://eu.myconnectwise.net", "https://api-eu.myconnectwise.net"),
        ("https://na.myconnectwise.net/", "https://na.myconnectwise.net", "https://api-na.myconnectwise.net"),
        ("staging.connectwisedev.com", "https://staging.connectwisedev.com", "https://api-staging.connectwisedev.com"),
        ("psa.msp.example", "https://psa.msp.example", "https://psa.msp.example"),
        ("https://psa.msp.example:8443", "https://psa.msp.example:8443", "https://psa.msp.example:8443"),
        ("notmyconnectwise.net", "https://notmyconnectwise.net", "https://notmyconnectwise.net"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", "http://localhost", "http://localhost"),
    ],
)
def test_people_and_the_api_are_served_where_the_vendor_serves_them(site: str, login: str, api: str) -> None:
    settings = with_changes(site=site)
    assert (settings.login_origin, settings.api_origin) == (login, api)


@pytest.mark.parametrize(
    "site",
    [
        "http://psa.msp.example",
        "http://10.0.0.5",
        "ftp://psa.msp.example",
        "https://user:pass@psa.msp.example",
        "https://psa.msp.example/v4_6_release/apis/3.0",
        "https://",
        "",
        "http://127.0.0.1.evil.example",
    ],
)
def test_a_site_that_would_carry_keys_in_clear_or_is_none_is_refused(site: str) -> None:
    with pytest.raises(ValidationError):
        with_changes(site=site)


def test_secrets_do_not_show() -> None:
    shown = repr(with_changes(private_key="hush-hush", client_id="quiet-quiet", public_key="still-still"))
    assert not any(secret in shown for secret in ("hush", "quiet", "still"))


@pytest.mark.parametrize(
    "changes",
    [
        {"callback_url": "https://desk.example/callbacks/psa_connectwise"},
        {"callback_key_url": "https://evil.example/key"},
        {"callback_key_url": "https://eu.myconnectwise.net.evil.example/key"},
        {"callback_key_url": "https://eu.myconnectwise.net@evil.example/key"},
        {"callback_key_url": "http://eu.myconnectwise.net/key"},
        {"callback_key_url": "https://na.myconnectwise.net/key"},
        {"callback_key_url": "https://eu.myconnectwise.net/key#x"},
        {"callback_url": "http://desk.example/x", "callback_key_url": "https://eu.myconnectwise.net/key"},
        {"api_version": "3.0"},
        {"page_size": 1001},
        {"client_id": ""},
        {"company_id": ""},
        {"compny_id": "x"},
        {"callback_level": "world"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        with_changes(**changes)


@pytest.mark.parametrize("host", ["eu.myconnectwise.net", "api-eu.myconnectwise.net"])
def test_the_key_may_come_from_either_host_of_the_site(host: str) -> None:
    assert with_changes(callback_key_url=f"https://{host}/key").callback_key_url


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in ConnectWiseSettings.model_fields.items():
        assert field.description, name
