from hypothesis import given
from hypothesis import strategies as st

from deskhand.knowledge.doing import LONGEST_LINE, MOST_LINES, Doable, NoteReader

ACTIONS = (
    Doable("identity_entra.reset_password", "Give a cloud user a temporary password", 3, "cannot be put back"),
    Doable("identity_entra.enable_account", "Let an account sign in", 3),
    Doable("identity_entra.revoke_sessions", "End a user's sessions on every device", 2),
    Doable("identity_other.revoke_sessions", "The same elsewhere", 2),
)
READER = NoteReader(ACTIONS)


def actions(note: str) -> list[str | None]:
    return [each.action.action if each.action else None for each in READER.read(note)]


def test_a_note_is_read_line_by_line() -> None:
    note = "Reset the password, revoked sessions and replaced the toner.\n- Konto entsperrt"
    assert actions(note) == [
        "identity_entra.reset_password",
        "identity_entra.revoke_sessions",
        None,
        "identity_entra.enable_account",
    ]


def test_what_was_not_done_counts_for_nothing() -> None:
    assert actions("No need to reset the password") == [None]


def test_only_what_the_catalogue_has_is_named() -> None:
    assert [each.action for each in NoteReader(()).read("Reset the password")] == [None]


@given(st.text(max_size=400))
def test_whatever_is_written_is_read_and_shown_inert(note: str) -> None:
    found = READER.read(note)
    assert len(found) <= MOST_LINES
    assert all(len(each.text) <= LONGEST_LINE and each.text.isprintable() for each in found)
