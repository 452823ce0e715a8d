"""A plan is frozen, closed and identified by its hash; its steps refer only backwards."""

import pytest
from pydantic import ValidationError

from deskhand.automation.plan import Argument, Named, Plan, PlannedStep, SourceKind
from deskhand.sdk.actions import Effect


def step(name: str, **arguments: Argument) -> PlannedStep:
    return PlannedStep(
        id=name, action="identity_entra.reset_password", title="Reset", tier=3, effect=Effect.ONCE, arguments=arguments
    )


def plan(*steps: PlannedStep, ticket_id: str = "1") -> Plan:
    tenant = Named(id="7", name="Ada & Sons")
    return Plan(id="p-0123456789abcdef", ticket_id=ticket_id, tenant=tenant, requested_by="tess", steps=steps)


def late(origin: str) -> Argument:
    return Argument(source=SourceKind.STEP, origin=origin)


def test_the_hash_changes_with_every_part_of_the_document() -> None:
    one = plan(step("s1", user=Argument(source=SourceKind.DIRECTORY, value="u1", origin="user")))
    other = plan(step("s1", user=Argument(source=SourceKind.DIRECTORY, value="u2", origin="user")))
    assert len({one.sha256(), other.sha256(), plan(step("s1")).sha256(), plan(step("s1"), ticket_id="2").sha256()}) == 4


def test_a_plan_survives_being_written_and_read() -> None:
    original = plan(step("s1"), step("s2", sid=late("s1.reference")))
    assert Plan.model_validate_json(original.written()) == original
    assert Plan.model_validate_json(original.written()).sha256() == original.sha256()


@pytest.mark.parametrize("origin", ["s2.reference", "s3.reference", "elsewhere.detail.x"])
def test_an_argument_from_a_step_that_does_not_come_before_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="no earlier step"):
        plan(step("s1"), step("s2", sid=late(origin)), step("s3"))


def test_two_steps_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two steps"):
        plan(step("s1"), step("s1"))


def test_a_plan_without_steps_or_with_unknown_fields_is_refused() -> None:
    with pytest.raises(ValidationError):
        plan()
    with pytest.raises(ValidationError):
        Plan.model_validate({**plan(step("s1")).model_dump(), "approved": True})
