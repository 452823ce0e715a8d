"""What technicians wrote is told as capabilities, and what was not done is not among them."""

import pytest

from deskhand.knowledge.deeds import deeds_in, known_deeds, phrase_of, telling
from deskhand.sdk.actions import capability_of


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("Reset after call-back to the number on file.", ("reset_password", "check_verification")),
        ("Verified. Password reset, sessions revoked.", ("check_verification", "reset_password", "revoke_sessions")),
        ("Unlocked; old phone still syncing with the previous password.", ("enable_account",)),
        ("Rückruf, neues Kennwort gesetzt.", ("check_verification", "reset_password")),
        ("Added to the group Rota-Editors.", ("add_group_member",)),
        ("Registered the app again.", ("reset_mfa",)),
        ("Changed the toner.", ("replace_part",)),
        ("Did not reset the password. Unlocked.", ("enable_account",)),
        ("Corrupt view settings. Reset with clean views.", ()),
        ("Thanks!", ()),
        ("", ()),
    ],
)  # fmt: skip
def test_notes_tell_what_was_done_in_its_order(notes: str, expected: tuple[str, ...]) -> None:
    assert deeds_in(notes) == expected


def test_what_goes_with_many_kinds_of_tickets_tells_nothing_of_the_sort() -> None:
    assert telling(["check_verification", "reset_password", "send_sms"]) == {"reset_password"}
    assert telling(["send_sms"]) == {"send_sms"}


def test_every_deed_has_a_phrase_and_is_found_by_its_action() -> None:
    assert capability_of("identity_entra.reset_password") in known_deeds()
    assert phrase_of("identity_entra.reset_password", "Give a user a password") == "reset the password"
    assert phrase_of("other_thing.paint_wall", "Paint the wall") == "paint the wall"
    assert all(each.phrase and each.said for each in known_deeds().values())


def test_a_long_note_takes_no_time() -> None:
    assert deeds_in("password " * 20_000) == ()
