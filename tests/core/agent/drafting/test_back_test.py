"""A back-test counts what would have matched beside what people did, and lists where they differ."""

from datetime import UTC, datetime

from deskhand.agent.drafting.back_test import BackTest, Trial, back_test, compare
from deskhand.automation.document import Automation
from deskhand.knowledge.corpus import Corpus
from deskhand.mirror.mirror import PastTicket
from deskhand.sdk.models import Reference
from tests.core.automation.examples import automation
from tests.core.knowledge.examples import ticket

AT = datetime(2026, 11, 23, tzinfo=UTC)
PAST = (
    ("1", "account locked", "Password reset after call-back."),
    ("2", "locked out", "Unlocked."),
    ("3", "locked again", None),
    ("4", "forgot my password", "Password reset."),
    ("5", "locked file share", "Added to the group Sales."),
    ("6", "locked printer", "Changed the toner."),
)


def one(number: str, text: str, fix: str | None, company: str = "7") -> PastTicket:
    kind = Reference("a", "Accounts")
    record = ticket(number, text, is_closed=True, type=kind, company=Reference(company, company))
    return PastTicket(record, text, fix)


def document() -> Automation:
    text = automation("users_example.reset", "users_example.reset_password")
    return text.model_copy(update={"preconditions": (), "steps": (text.step("reset"),)})


def result(**options: object) -> BackTest:
    corpus = Corpus.of([*(one(*each) for each in PAST), one("7", "locked out", "Password reset.", "8")])
    return back_test(Trial(document(), corpus, {}, **options), AT)  # type: ignore[arg-type]  # a test's shorthand


def test_every_match_is_sorted_by_what_people_did() -> None:
    found = result()
    assert (found.tickets, found.matched) == (7, 5)
    assert (found.agreeing, found.partly, found.unknown, found.false) == (2, 0, 1, 2)
    assert found.agreement == 0.5
    assert found.examples == ("7", "5", "3", "2", "1")


def test_false_matches_and_missed_tickets_are_listed_with_their_reason() -> None:
    found = result()
    assert [each.ticket_id for each in found.false_matches] == ["5", "2"]
    assert found.false_matches[0].reason == "people did something else: add group member (Accounts)"
    assert [each.ticket_id for each in found.missed_tickets] == ["4"]
    assert "2 false, 1 missed, 1 without word" in found.summary


def test_a_scope_is_some_clients_only() -> None:
    found = result(companies={"8"})
    assert (found.tickets, found.matched, found.agreeing) == (1, 1, 1)


def test_why_it_would_not_have_run_is_counted() -> None:
    refusals = {"5": "no telephone number", "3": "no telephone number", "1": "no longer active"}
    found = result(unmet=refusals.get)
    assert (found.tried, found.would_run) == (5, 2)
    assert found.refusals == {"no telephone number": 2, "no longer active": 1}


def test_a_back_test_survives_being_written_down() -> None:
    assert BackTest.model_validate_json(result().model_dump_json()) == result()


def test_without_any_ticket_there_is_no_agreement() -> None:
    found = back_test(Trial(document(), Corpus.of([]), {}), AT)
    assert (found.tickets, found.matched, found.agreement) == (0, 0, None)
    assert "nobody wrote what was done" in found.summary


def test_doing_all_of_it_some_of_it_or_something_else() -> None:
    wanted = frozenset({"reset_password", "revoke_sessions"})
    assert compare(wanted | {"send_sms"}, wanted) == "same"
    assert compare(frozenset({"reset_password"}), wanted) == "partly"
    assert compare(frozenset({"replace_part"}), wanted) == "other"
    assert compare(frozenset(), wanted) == compare(None, wanted) == "unknown"
