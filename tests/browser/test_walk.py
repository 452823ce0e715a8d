"""The way through panel and console with the keyboard alone, two people in two browsers."""

import re

import pytest

from deskhand.records.approvals import ApprovalState
from tests.browser.conftest import SignIn
from tests.browser.practice import MOBILE, TENANT, Practice
from tests.browser.story import CONTAIN, RESET, asked, plan_of

PLAN = "Say what to do on this ticket"
MOST_WHYS = 10


def test_a_sentence_is_planned_approved_by_another_watched_and_done_with_keys_alone(
    sign_in: SignIn, practice: Practice
) -> None:
    ticket = practice.ticket("Cannot get into Outlook since this morning")
    maya, tom = sign_in("maya"), sign_in("tom", width=1000)

    maya.go(f"/panel/{ticket}")
    maya.tab_to(PLAN)
    maya.page.keyboard.type(RESET)
    maya.press("Make a plan")
    maya.sees("Dry run passed")
    maya.press("Submit for approval")
    maya.sees("Waiting for someone else to approve")

    tom.press(" ".join(tom.page.get_by_role("link", name="Approvals").inner_text().split()))
    tom.page.wait_for_url("**/approvals")
    approval = practice.desk.resolving.approvals()[0]
    tom.press(approval.id)
    tom.page.wait_for_url(f"**/approvals/{approval.id}")
    shown = tom.page.locator("#approval-text").text_content()
    assert shown == practice.desk.resolving.approval_text(approval.plan_id)
    tom.tab_to("Comment")
    tom.page.keyboard.type("Called her back")
    tom.page.keyboard.press("Enter")  # in a field it decides nothing
    assert practice.desk.resolving.approval(approval.id).state is ApprovalState.PENDING
    tom.press("Approve and run")
    tom.page.wait_for_url("**/runs/r-*")

    question = maya.page.get_by_label("Which code does the requester read out?")
    question.wait_for()
    maya.tab_to("Which code does the requester read out?")
    maya.page.keyboard.type(practice.telephones.code(MOBILE))
    maya.page.keyboard.press("Enter")
    maya.sees("Done: all")
    tom.sees("Done: all")
    assert maya.page.locator(".is-done").count() == 7

    maya.press("Show once")
    secret = maya.page.locator(".secret output")
    secret.wait_for()
    assert secret.text_content() in practice.directory.passwords.values()
    maya.page.get_by_role("button", name="Show once").wait_for(state="detached")

    maya.press("Undo")
    maya.sees("Undone: what was changed is as it was before.")
    assert practice.desk.resolving.approvals()[0].comment == "Called her back"


def test_one_step_is_undone_and_the_directory_is_as_it_was(sign_in: SignIn, practice: Practice) -> None:
    ticket = practice.ticket("A sign-in from abroad that was not me")
    members(practice).clear()  # else nothing is changed, and nothing is there to undo
    maya, tom = sign_in("maya", scheme="dark"), sign_in("tom", scheme="dark")
    approval = asked(practice, plan_of(practice, ticket, CONTAIN))
    maya.go(f"/panel/{ticket}")
    maya.sees("Waiting for someone else")
    tom.go(f"/approvals/{approval.id}")
    tom.press("Approve and run")
    maya.sees("Done: all")
    assert members(practice)
    undo = maya.page.get_by_role("button", name="Undo this step").first
    for _ in range(MOST_WHYS):
        if not undo.is_visible():
            maya.tab_to("Why")
            maya.page.keyboard.press("Enter")
    maya.press("Undo this step")
    maya.page.locator(".plan .chip", has_text=re.compile("^Undone$")).wait_for()
    assert not members(practice)


def members(practice: Practice) -> list[str]:
    contents = practice.directory.tenants[TENANT].contents
    group = next(each for each, record in contents.groups.items() if record["displayName"] == "Sign-in review")
    return contents.members[group]


def test_a_triage_is_applied_and_corrected_with_keys_alone(sign_in: SignIn, practice: Practice) -> None:
    ticket = practice.ticket("My laptop does not start")
    maya = sign_in("maya", width=300)
    maya.go(f"/panel/{ticket}")
    maya.tab_to(maya.page.get_by_role("button", name=re.compile("^Apply")).inner_text())
    maya.page.keyboard.press("Enter")
    maya.page.locator("#triage .chip", has_text="set").nth(3).wait_for()
    assert type_of(practice, ticket) == "Hardware"
    maya.press("Correct")
    maya.page.get_by_label("Type", exact=True).wait_for()
    maya.page.get_by_label("Type", exact=True).focus()
    maya.page.keyboard.type("Accounts › L")
    maya.press("Set these")
    maya.page.locator("#triage .was", has_text="Accounts").wait_for()
    assert type_of(practice, ticket) == "Accounts"


def type_of(practice: Practice, ticket: str) -> str:
    record = next(each for each in practice.psa.tickets() if str(each["id"]) == ticket)
    kind = record["type"]
    assert isinstance(kind, dict)
    return str(kind["name"])


def test_what_cannot_be_planned_is_said_clause_by_clause(sign_in: SignIn, practice: Practice) -> None:
    ticket = practice.ticket("Something about my account")
    maya = sign_in("maya", width=300)
    maya.go(f"/panel/{ticket}")
    maya.tab_to(PLAN)
    maya.page.keyboard.type("reset the password and water the plants")
    maya.press("Make a plan")
    maya.sees("Nothing was planned, and nothing was done")
    assert "water the plants" in maya.page.locator("#work").inner_text()
    assert maya.page.get_by_role("button", name="Submit for approval").count() == 0


def test_everything_essential_works_without_scripts(sign_in: SignIn, practice: Practice) -> None:
    ticket = practice.ticket("Locked out of Teams")
    maya, tom = sign_in("maya", has_scripts=False), sign_in("tom", has_scripts=False)
    maya.go(f"/panel/{ticket}")
    maya.page.get_by_label(PLAN).fill(CONTAIN)
    maya.page.get_by_role("button", name="Make a plan").click()
    maya.page.get_by_role("button", name="Submit for approval").click()
    maya.sees("Waiting for someone else")
    tom.go("/approvals")
    tom.page.locator("table a.mono").first.click()
    tom.page.get_by_role("button", name="Deny").click()
    tom.sees("Denied")
    maya.page.reload()
    maya.sees("Denied by tom")


@pytest.mark.parametrize("name", ["maya", "tom", "ann"])
def test_each_role_is_offered_only_what_it_may_do(sign_in: SignIn, practice: Practice, name: str) -> None:
    ticket = practice.ticket("Outlook asks for a password")
    asked(practice, plan_of(practice, ticket, CONTAIN))
    watch = sign_in(name)
    watch.go(f"/panel/{ticket}")
    page = watch.page
    assert bool(page.get_by_label(PLAN).count()) == (name == "maya")
    assert bool(page.get_by_role("link", name="Review and decide").count()) == (name == "tom")
    watch.go(f"/approvals/{practice.desk.resolving.approvals()[0].id}")
    assert bool(page.get_by_role("button", name="Approve and run").count()) == (name == "tom")
    watch.go("/switches")
    assert bool(page.get_by_role("button", name="Stop it").count()) == (name != "ann")


def test_light_and_dark_are_chosen_and_kept(sign_in: SignIn) -> None:
    ann = sign_in("ann", width=1000)
    background = "() => getComputedStyle(document.body).backgroundColor"
    bright = ann.page.evaluate(background)
    ann.press("Light or dark, now as the system")
    ann.page.locator("html[data-theme=dark]").wait_for()
    assert ann.page.evaluate(background) != bright
    ann.go("/runs")
    assert ann.page.locator("html[data-theme=dark]").count() == 1
    ann.press("Light or dark, now dark")
    ann.page.locator("html[data-theme=light]").wait_for()
    ann.press("Sign out")
    ann.page.wait_for_url("**/sign-in")
    ann.go("/")
    ann.page.wait_for_url("**/sign-in?next=/")
