import pytest
from pydantic import ValidationError

from deskhand_notify_twilio.settings import ClientSettings, TwilioSettings

ACCOUNT, KEY, MESSAGING, VERIFY = ("AC" + "a" * 32, "SK" + "b" * 32, "MG" + "c" * 32, "VA" + "d" * 32)
WITH_KEY = {"api_key_sid": KEY, "api_key_secret": "quiet-secret"}
OTHER_VERIFY = "VA" + "e" * 32
GOOD = {"account_sid": ACCOUNT, "auth_token": "hush-token", "from_number": "+441632960000"}
CALLBACK = "https://desk.example/callbacks/notify_twilio"


def with_changes(**changes: object) -> TwilioSettings:
    given = {**GOOD, **changes}
    return TwilioSettings.model_validate({name: value for name, value in given.items() if value is not None})


def test_requests_are_signed_with_the_api_key_where_there_is_one() -> None:
    assert with_changes().credential == (ACCOUNT, "hush-token")
    assert with_changes(**WITH_KEY).credential == (KEY, "quiet-secret")
    alone = with_changes(**WITH_KEY, auth_token=None)
    assert alone.credential == (KEY, "quiet-secret")


@pytest.mark.parametrize(
    "changes",
    [
        {"auth_token": None},
        {"api_key_sid": KEY},
        {"api_key_secret": "quiet"},
        {"account_sid": "AC123"},
        {"account_sid": KEY},
        {"account_sid": ACCOUNT + "\n"},
        {"messaging_service_sid": MESSAGING},
        {"from_number": None},
        {"from_number": "01632 960000"},
        {"from_number": "+0441632960000"},
        {"from_number": "+44 1632 960000"},
        {"verify_service_sid": MESSAGING},
        {"callback_url": CALLBACK, "auth_token": None, **WITH_KEY},
        {"callback_url": "http://desk.example/callbacks/notify_twilio"},
        {"callback_url": f"{CALLBACK}#x"},
        {"api_url": "http://api.twilio.com"},
        {"api_url": "https://user@api.twilio.com"},
        {"verify_url": "verify.twilio.com"},
        {"allowed_prefixes": ["44"]},
        {"clients": {"250": {"messaging_service_sid": MESSAGING, "from_number": "+441632960000"}}},
        {"clients": {"250": {"account_sid": ACCOUNT}}},
        {"auth_tokn": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        with_changes(**changes)


def test_verify_alone_is_enough() -> None:
    settings = with_changes(from_number=None, verify_service_sid=VERIFY)
    assert (settings.sender("250"), settings.is_texting) == (None, False)
    assert settings.verify_service("250") == VERIFY


def test_a_client_has_what_is_its_own_and_the_accounts_for_the_rest() -> None:
    clients = {
        "250": {"verify_service_sid": OTHER_VERIFY},
        "251": {"messaging_service_sid": MESSAGING},
        "252": {"from_number": "+15005550006"},
    }
    settings = with_changes(verify_service_sid=VERIFY, clients=clients)
    account = {"From": "+441632960000"}
    assert [settings.sender(each) for each in ("", "9", "250")] == [account] * 3
    assert settings.sender("251") == {"MessagingServiceSid": MESSAGING}
    assert settings.sender("252") == {"From": "+15005550006"}
    assert [settings.verify_service(each) for each in ("250", "251")] == [OTHER_VERIFY, VERIFY]
    assert settings.verify_services == {VERIFY, OTHER_VERIFY}


def test_secrets_do_not_show() -> None:
    shown = repr(with_changes(**WITH_KEY))
    assert "hush" not in shown
    assert "quiet" not in shown


def test_every_setting_says_what_it_is_for() -> None:
    for model in (TwilioSettings, ClientSettings):
        for name, field in model.model_fields.items():
            assert field.description, name
