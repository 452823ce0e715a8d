from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from deskhand.knowledge.doing import Doable
from deskhand.knowledge.opportunities import SAFETY, UNTIMED, UNWRITTEN, Opportunity, ranked
from deskhand.knowledge.patterns import Pattern

START = datetime(2026, 1, 5, tzinfo=UTC)
RESET = Doable("identity_entra.reset_password", "Give a cloud user a temporary password", 3)
ENABLE = Doable("rmm_other.enable_account", "Let an account sign in", 1)
CHECK = Doable("notify_twilio.check_verification", "Check the code a person read out", 1)
REVOKE = Doable("identity_entra.revoke_sessions", "End sessions", 2)
NEVER = Doable("rmm_other.disable_account", "Keep an account from signing in", 4)
CATALOGUE = (RESET, ENABLE, CHECK, REVOKE, NEVER)


def anybody(_client: str, _action: str) -> bool:
    return True


def pattern(name: str = "p", **facts: object) -> Pattern:
    values: dict[str, object] = {
        "id": name,
        "label": "",
        "words": (),
        "tickets": ("1", "2", "3", "4"),
        "clients": {"1": 2, "2": 2},
        "names": {"1": "One", "2": "Two"},
        "minutes": 10.0,
        "timed": 4,
        "per_month": 4.0,
        "first": START,
        "last": START,
        "is_of_one_mind": True,
        "resolutions": ("Revoked sessions.",),
        "summaries": (),
        **facts,
    }
    return Pattern(**values)  # type: ignore[arg-type]  # a test's shorthand


def only(
    found: Pattern, may: Callable[[str, str], bool] = anybody, doables: Sequence[Doable] = CATALOGUE
) -> Opportunity:
    (opportunity,) = ranked([found], doables, may)
    return opportunity


def test_the_score_is_minutes_by_frequency_by_feasibility_by_safety() -> None:
    found = only(pattern())
    assert found.feasibility == 1
    assert found.score == pytest.approx(10 * 4 * 1 * SAFETY[2])
    assert found.minutes_a_month == 40


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"minutes": 20.0}, {"minutes": 10.0}),
        ({"per_month": 8.0}, {"per_month": 4.0}),
        ({"resolutions": ("Revoked sessions.",)}, {"resolutions": ("Revoked sessions.", "Replaced the toner.")}),
        ({"resolutions": ("Unlocked.",)}, {"resolutions": ("Revoked sessions.",)}),
        ({"resolutions": ("Revoked sessions.",)}, {"resolutions": ("Reset the password.",)}),
        ({"resolutions": ("Replaced the toner.", "Reset the password.")}, {"resolutions": ("Disabled the account.",)}),
    ],
)
def test_more_of_any_ranks_first(more: dict[str, object], less: dict[str, object]) -> None:
    found = ranked([pattern("less", **less), pattern("more", **more)], CATALOGUE, anybody)
    assert [each.pattern.id for each in found] == ["more", "less"]
    assert found[0].score > found[1].score


def test_what_is_never_automated_earns_nothing() -> None:
    assert only(pattern(resolutions=("Disabled the account.",))).score == 0


def test_a_client_whose_policy_forbids_a_step_earns_nothing_there() -> None:
    found = only(pattern(), lambda client, _action: client == "1")
    assert found.score == pytest.approx(only(pattern()).score / 2)
    assert found.forbidden == {"2": (REVOKE.action,)}
    assert only(pattern(), lambda _client, _action: False).score == 0


def test_a_deed_done_once_in_a_while_is_no_step() -> None:
    notes = ("Replaced the toner.",) * 9 + ("Revoked sessions.",)
    found = only(pattern(resolutions=notes))
    assert found.steps == ()
    assert found.score == 0
    assert found.by_hand == ("Replaced the toner",)


def test_where_nobody_wrote_or_timed_anything_it_says_what_it_assumes() -> None:
    found = only(pattern(minutes=None, resolutions=()))
    assert (found.minutes, found.is_timed, found.feasibility) == (UNTIMED, False, UNWRITTEN)
    assert "assumed" in found.why()
    assert "nobody wrote how" in found.why()


def test_steps_are_told_with_how_often_they_are_done() -> None:
    notes = ("Revoked sessions, reset the password.", "Revoked sessions.")
    found = only(pattern(resolutions=notes))
    assert [(each.action, each.share) for each in found.steps] == [(REVOKE, 1.0), (RESET, 0.5)]
    assert found.tier == 3
    assert "tier 3 keeps 50%" in found.why()


def test_checking_who_somebody_is_solves_nothing() -> None:
    assert only(pattern(resolutions=("Verified by call-back. Replaced the toner.",))).score == 0
    more = only(pattern(resolutions=("Verified by call-back. Revoked all sessions.",)))
    less = only(pattern(resolutions=("Replaced the toner. Revoked all sessions.",)))
    assert more.feasibility > less.feasibility > 0.5
