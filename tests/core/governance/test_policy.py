from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from deskhand.governance.policy import ClientPolicy, verdict
from deskhand.records.documents import FieldName, Handling
from deskhand.sdk.models import Level, Reference
from tests.core.governance.examples import BOARD, TICKET, decision, triage

APPLY = ClientPolicy(handling=Handling.APPLY)
EVERYTHING = ClientPolicy(handling=Handling.APPLY, fields=frozenset(FieldName), apply_uncalibrated=True)
TYPE = decision(FieldName.TYPE, "11")
SUBTYPE = decision(FieldName.SUBTYPE, "21")


def test_nothing_is_written_unless_policy_says_apply() -> None:
    judged = verdict(ClientPolicy(), triage(TYPE, SUBTYPE), TICKET)
    assert (judged.handling, judged.fields) == (Handling.SUGGEST, ())


def test_an_off_client_is_left_alone_with_a_reason() -> None:
    judged = verdict(ClientPolicy(handling=Handling.OFF), triage(TYPE), TICKET)
    assert judged.handling is Handling.OFF
    assert judged.fields == ()
    assert judged.reasons


@pytest.mark.parametrize("boards", [frozenset({"5"}), frozenset({"Service"}), None])
def test_a_board_in_scope_may_be_named_or_numbered(boards: frozenset[str] | None) -> None:
    assert ClientPolicy(boards=boards).covers(BOARD)


def test_a_board_out_of_scope_is_left_alone_by_name() -> None:
    policy = ClientPolicy(handling=Handling.APPLY, boards=frozenset({"Alerts"}))
    judged = verdict(policy, triage(TYPE), TICKET)
    assert judged.handling is Handling.OFF
    assert "Service" in judged.reasons[0]


def test_sure_calibrated_fields_are_applied_together() -> None:
    assert verdict(APPLY, triage(TYPE, SUBTYPE), TICKET).fields == (FieldName.TYPE, FieldName.SUBTYPE)


@pytest.mark.parametrize(
    ("unsure", "reason"),
    [
        (decision(FieldName.TYPE, "11", 0.84), "below 0.85"),
        (decision(FieldName.TYPE, "11", is_calibrated=False), "not calibrated"),
    ],
)
def test_what_is_not_sure_enough_is_only_suggested_and_says_so(unsure: object, reason: str) -> None:
    judged = verdict(APPLY, triage(unsure), TICKET)  # type: ignore[arg-type]  # parametrised
    assert judged.fields == ()
    assert any(reason in each for each in judged.reasons)


def test_a_type_that_a_person_chose_is_never_overwritten() -> None:
    chosen = replace(TICKET, type=Reference("12", "Hardware"))
    judged = verdict(EVERYTHING, triage(TYPE, SUBTYPE), chosen)
    assert judged.fields == ()
    assert any("Hardware" in each for each in judged.reasons)


def test_a_placeholder_is_nobodys_choice() -> None:
    placeholder = replace(TICKET, type=Reference("12", "Needs Triage "))
    assert FieldName.TYPE in verdict(APPLY, triage(TYPE), placeholder).fields


def test_a_boards_own_default_can_be_named_as_a_placeholder() -> None:
    default = replace(TICKET, priority=Reference("3", "Priority 3"))
    policy = EVERYTHING.model_copy(update={"placeholders": ("priority 3",)})
    decided = triage(decision(FieldName.PRIORITY, "1"))
    assert verdict(EVERYTHING, decided, default).fields == ()
    assert verdict(policy, decided, default).fields == (FieldName.PRIORITY,)


def test_a_subtype_goes_only_with_its_own_type() -> None:
    other_type = replace(TICKET, type=Reference("12", "Hardware"))
    own_type = replace(TICKET, type=Reference("11", "Identity"))
    assert verdict(APPLY, triage(TYPE, SUBTYPE), other_type).fields == ()
    assert verdict(APPLY, triage(TYPE, SUBTYPE), own_type).fields == (FieldName.SUBTYPE,)


def test_a_type_is_not_put_above_a_subtype_that_a_person_chose() -> None:
    chosen = replace(TICKET, subtype=Reference("29", "Printer"))
    assert verdict(APPLY, triage(TYPE), chosen).fields == ()


def test_kind_is_ours_alone_and_never_written() -> None:
    assert verdict(EVERYTHING, triage(decision(FieldName.KIND, "incident")), TICKET).fields == ()


def test_a_level_that_is_set_counts_as_chosen() -> None:
    decided = triage(decision(FieldName.IMPACT, "high"))
    assert verdict(EVERYTHING, decided, replace(TICKET, impact=Level.LOW)).fields == ()
    assert verdict(EVERYTHING, decided, TICKET).fields == (FieldName.IMPACT,)


@given(
    st.sampled_from(Handling),
    st.frozensets(st.sampled_from(FieldName)),
    st.lists(st.tuples(st.sampled_from(FieldName), st.none() | st.just("1"), st.floats(0, 1), st.booleans())),
    st.booleans(),
)
def test_no_policy_ever_writes_a_field_it_does_not_list_or_that_was_not_decided(
    handling: Handling,
    fields: frozenset[FieldName],
    made: list[tuple[FieldName, str | None, float, bool]],
    has_type: bool,  # noqa: FBT001  # generated
) -> None:
    decisions = {field: decision(field, value, sure, is_calibrated=known) for field, value, sure, known in made}
    ticket = replace(TICKET, type=Reference("12", "Hardware")) if has_type else TICKET
    policy = ClientPolicy(handling=handling, fields=fields)
    allowed = verdict(policy, triage(*decisions.values()), ticket).fields
    assert set(allowed) <= fields - {FieldName.KIND}
    assert all(decisions[each].is_made and decisions[each].confidence >= policy.minimum_confidence for each in allowed)
    assert handling is Handling.APPLY or not allowed
    assert not (has_type and FieldName.TYPE in allowed)


def test_a_misspelt_key_of_a_policy_is_an_error() -> None:
    with pytest.raises(ValidationError, match="handeling"):
        ClientPolicy.model_validate({"handeling": "apply"})
