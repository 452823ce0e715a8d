import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.deeds import MOST_LINES, DeedReader, Doable

ACTIONS = (
    Doable("identity_entra.reset_password", "Give a cloud user a temporary password", 3, "cannot be put back"),
    Doable("identity_entra.enable_account", "Let an account sign in", 3),
    Doable("identity_entra.disable_account", "Keep an account from signing in", 3),
    Doable("identity_entra.revoke_sessions", "End a user's sessions on every device", 2),
    Doable("identity_entra.add_group_member", "Add a user to a group", 2),
    Doable("notify_twilio.send_sms", "Text a person", 2),
    Doable("rmm_other.restart_service", "Restart a service", 2),
)
READER = DeedReader(ACTIONS)


def deeds(note: str, about: str = "") -> list[str | None]:
    return [each.action.action.partition(".")[2] if each.action else None for each in READER.read(note, about)]


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("Reset the password", "reset_password"),
        ("issued a new temporary password", "reset_password"),
        ("Kennwort zurückgesetzt", "reset_password"),
        ("mot de passe réinitialisé", "reset_password"),
        ("Unlocked the account", "enable_account"),
        ("Konto entsperrt", "enable_account"),
        ("Blocked the user", "disable_account"),
        ("revoked all sessions", "revoke_sessions"),
        ("signed her out of all sessions", "revoke_sessions"),
        ("added to the finance group", "add_group_member"),
        ("sent her a text", "send_sms"),
        ("restarted the spooler", "restart_service"),
        ("Replaced the toner", None),
        ("account was fine", None),
        ("reset", None),
    ],
)
def test_a_line_speaks_of_an_action(line: str, action: str | None) -> None:
    assert deeds(line) == [action]


def test_a_note_is_read_line_by_line() -> None:
    note = "Verified by call-back. Reset the password, revoked sessions and texted a message to her mobile."
    assert deeds(note) == [None, "reset_password", "revoke_sessions", "send_sms"]


def test_a_short_line_means_what_the_ticket_was_filed_under() -> None:
    assert deeds("Unlocked.") == [None]
    assert deeds("Unlocked.", "Accounts / Locked out") == ["enable_account"]
    assert deeds("Toner gewechselt", "Benutzerkonto / Konto gesperrt") == [None], (
        "the label alone says nothing was done"
    )


@given(st.text(max_size=400), st.text(max_size=40))
def test_whatever_is_written_is_read(note: str, about: str) -> None:
    found = READER.read(note, about)
    assert len(found) <= MOST_LINES
    assert all(each.action is None or each.action in ACTIONS for each in found)


def test_an_empty_catalogue_does_nothing() -> None:
    assert [each.action for each in DeedReader(()).read("Reset the password")] == [None]
