import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.note import MOST_CHARACTERS, render
from deskhand.records.documents import Decision, FieldName, Handling, Triage
from tests.core.agent.examples import made, triage

HOSTILE = st.text(max_size=400) | st.sampled_from(
    [
        "x\nStatus: everything was set on the ticket",
        "”\r\nWhy: nothing\u2028Type: Hacked (very likely, 100%)",
        "\u202eTriage\u202c </note>\x1b[2J<script>",
        "Type: Hacked\x85Priority: 1\x0bLeft open: nothing",
    ]
)
APPLIED = (FieldName.TYPE, FieldName.SUBTYPE)


def structure(note: str) -> list[str]:
    """The lines of a note that no ticket may have a say in."""
    ours = (
        "deskhand triage:",
        "Kind:",
        "Type:",
        "Subtype:",
        "Impact:",
        "Urgency:",
        "Priority:",
        "Left open:",
        "Status:",
        "Why:",
    )
    return [line for line in note.split("\n") if line.startswith(ours)]


def test_the_first_line_has_the_point() -> None:
    first = render(triage(), handling=Handling.SUGGEST).split("\n")[0]
    assert first == "deskhand triage: Identity \u203a Password · Priority 2 (impact low, urgency high)"


def test_the_note_tells_all_a_technician_needs() -> None:
    note = render(triage(warning="The text gives orders."), handling=Handling.APPLY, applied=APPLIED)
    for part in (
        "Beware: The text gives orders.",
        "Type: Identity (likely, 84%) — set on the ticket",
        "Urgency: high (very likely, 90%, not measured here yet)",
        "Left open: item, because no item was ever used",
        "Status: set on the ticket: type, subtype; the rest is a suggestion",
        "Customer (English): “I am locked out”",
        "Similar: #77 “locked out again” (81%, 15 min) — fixed by: “unlocked the account”",
        "Mentions: device MT-WS-114",
        "Evidence for type: words: “locked out”",
        "Why: deskhand audit show --ticket 100",
    ):
        assert part in note.split("\n") or any(line.startswith(part) for line in note.split("\n")), part


def test_automations_that_fit_are_named_on_a_line_of_their_own_and_two_at_most() -> None:
    fitting = ("Reset the password (reset, version 2): it says “locked”\nStatus: all done", "Another", "A third")
    note = render(triage(), handling=Handling.SUGGEST, recommended=fitting)
    lines = [line for line in note.split("\n") if line.startswith("Automation that fits:")]
    assert len(lines) == 2
    assert "Status: all done" in lines[0]
    assert sum(line.startswith("Status:") for line in note.split("\n")) == 1


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_whatever_a_ticket_says_our_lines_stay_ours(
    summary: str, entity: str, past_summary: str, fix: str, warning: str, evidence: str
) -> None:
    hostile = triage(
        summary=summary, entity=entity, past_summary=past_summary, fix=fix, warning=warning, evidence=evidence
    )
    note = render(hostile, handling=Handling.APPLY, applied=APPLIED)
    assert structure(note) == structure(render(triage(), handling=Handling.APPLY, applied=APPLIED))
    assert len(note) <= MOST_CHARACTERS
    assert all(line.isprintable() for line in note.split("\n"))


@given(HOSTILE)
def test_every_line_starts_with_a_word_of_ours(text: str) -> None:
    hostile = triage(summary=text, entity=text, past_summary=text, fix=text, warning=text, evidence=text)
    ours = ("deskhand", "Beware:", "Customer", "Similar:", "Mentions:", "Evidence for")
    lines = render(hostile, handling=Handling.SUGGEST).split("\n")
    assert all(line.startswith((*ours, *structure(line))) for line in lines)


def test_a_quotation_cannot_end_itself() -> None:
    note = render(triage(summary="done” — set on the ticket “"), handling=Handling.SUGGEST)
    assert "Customer (English): “done' — set on the ticket '”" in note.split("\n")


def test_the_note_is_the_same_after_a_round_trip_through_the_record() -> None:
    again = Triage.model_validate_json(triage().model_dump_json())
    assert render(again, handling=Handling.SUGGEST) == render(triage(), handling=Handling.SUGGEST)


def test_a_long_note_loses_evidence_before_anything_that_matters() -> None:
    note = render(
        triage(summary="s" * 140, past_summary="p" * 80, fix="f" * 120, evidence="e" * 200, warning="w" * 200),
        handling=Handling.SUGGEST,
    )
    assert len(note) <= MOST_CHARACTERS
    assert "Evidence for type" in note
    assert "Evidence for urgency" not in note
    assert "Why: deskhand audit show" in note


def test_even_a_note_of_nothing_but_long_reasons_fits_and_ends_with_why() -> None:
    doubts = [
        Decision(field=field, value=None, label=None, confidence=0, abstained_because=f"{field} " + "because " * 90)
        for field in FieldName
    ]
    crowded = triage().model_copy(update={"decisions": tuple(doubts), "warnings": ("w" * 300,) * 3})
    note = render(crowded, handling=Handling.SUGGEST)
    assert len(note) <= MOST_CHARACTERS
    assert note.split("\n")[-1] == "Why: deskhand audit show --ticket 100"


def test_fields_left_open_for_the_same_reason_share_a_line() -> None:
    doubts = tuple(
        Decision(field=field, value=None, label=None, confidence=0, abstained_because="no type was decided")
        for field in (FieldName.SUBTYPE, FieldName.ITEM)
    )
    note = render(triage().model_copy(update={"decisions": doubts}), handling=None)
    assert "Left open: subtype, item, because no type was decided" in note.split("\n")


def test_a_thank_you_is_called_nothing_to_do() -> None:
    thanks = triage().model_copy(update={"decisions": (made(FieldName.KIND, "no action", "no action", 0.9, "words"),)})
    assert "nothing to do" in render(thanks, handling=Handling.SUGGEST).split("\n")[0]


@pytest.mark.parametrize(
    ("handling", "status"),
    [
        (Handling.SUGGEST, "a suggestion; nothing was set"),
        (Handling.APPLY, "nothing was set: no field that may be set was sure enough"),
    ],
)
def test_the_status_says_what_was_not_done_either(handling: Handling, status: str) -> None:
    assert f"Status: {status}" in render(triage(), handling=handling).split("\n")
