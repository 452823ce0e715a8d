import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.sdk.webhooks import LARGEST_BODY, CallbackRefusedError
from deskhand_identity_entra.webhooks import EntraCallbacks, validation_answer
from tests.plugins.identity_entra.practice import ADA_TENANT, configured

SECRET = "s" * 40
USER = "28c10230-6103-485e-b985-444c60001490"
RECEIVER = EntraCallbacks(configured("http://127.0.0.1:9", notification_secret=SECRET))


def notification(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    usual = {
        "subscriptionId": "x",
        "clientState": SECRET,
        "changeType": "updated",
        "resource": f"Users/{USER}",
        "tenantId": ADA_TENANT,
        "resourceData": {"@odata.type": "#Microsoft.Graph.User", "id": USER},
    }
    return {**usual, **changes}


def body(*notifications: dict[str, Any]) -> bytes:
    return json.dumps({"value": notifications}).encode()


def test_a_notification_becomes_a_hint_which_user_to_read_again() -> None:
    found = RECEIVER.receive({}, body(notification()))
    assert (found.record_type, found.record_id, found.action) == ("user", USER, "updated")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (body(notification(clientState="wrong")), 401),
        (body(notification(clientState="")), 401),
        (body(notification(clientState=SECRET[:-1])), 401),
        (body(notification(), notification(clientState="é" * 40)), 401),
        (body(notification(tenantId="cccccccc-0000-4000-8000-000000000003")), 403),
        (body(notification(resource="groups/x")), 400),
        (body(notification(resourceData={"id": "../x"})), 400),
        (body(notification(changeType="run")), 400),
        (body(), 400),
        (b"{", 400),
        (b"[]", 400),
        (b" " * (LARGEST_BODY + 1), 413),
    ],
)
def test_a_forged_or_foreign_notification_is_refused(sent: bytes, status: int) -> None:
    with pytest.raises(CallbackRefusedError) as refused:
        RECEIVER.receive({}, sent)
    assert refused.value.status == status
    assert SECRET not in str(refused.value)


def test_without_a_secret_nothing_is_believed() -> None:
    with pytest.raises(CallbackRefusedError, match="notification_secret"):
        EntraCallbacks(configured("http://127.0.0.1:9")).receive({}, body(notification()))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_never_crash(sent: bytes) -> None:
    with pytest.raises(CallbackRefusedError):
        RECEIVER.receive({}, sent)


def test_the_handshake_echoes_graphs_token_and_no_markup() -> None:
    assert validation_answer("Validation: Testing client application reachability for subscription") == (
        "Validation: Testing client application reachability for subscription"
    )
    for token in ("<script>", "a\nb", "x" * 3000):
        with pytest.raises(CallbackRefusedError):
            validation_answer(token)
