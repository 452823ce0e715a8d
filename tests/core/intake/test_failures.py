from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.intake.failures import LONGEST_PATIENCE, pause_after, told
from deskhand.intake.settings import IntakeSettings
from deskhand.mirror.mirror import MirrorUnavailableError
from deskhand.records.database import RecordsUnavailableError
from deskhand.sdk.errors import AuthorizationError, RateLimitedError, RejectedError, UnavailableError

SETTINGS = IntakeSettings()
DOWN = UnavailableError("GET /service/tickets: connection refused")


def test_pauses_double_from_five_seconds_to_a_quarter_of_an_hour() -> None:
    pauses = [pause_after(DOWN, failures, SETTINGS, lambda: 0.0) for failures in range(1, 11)]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_pause_by_a_quarter_at_most(failures: int, chance: float) -> None:
    longest = pause_after(DOWN, failures, SETTINGS, lambda: 0.0)
    assert longest * 0.75 <= pause_after(DOWN, failures, SETTINGS, lambda: chance) <= longest <= 900


@pytest.mark.parametrize(("asked", "given_"), [(30, 30), (1800, 1800), (1e12, LONGEST_PATIENCE), (0, 5)])
def test_the_pause_a_vendor_asks_for_is_not_cut_short(asked: float, given_: float) -> None:
    error = RateLimitedError("429", retry_after=asked)
    assert pause_after(error, 1, SETTINGS, lambda: 0.0) == given_


def test_a_refused_credential_is_tried_slowly_from_the_start() -> None:
    assert pause_after(AuthorizationError("401"), 1, SETTINGS, lambda: 0.0) == 900


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DOWN, ("psa_x cannot be reached", "connection refused")),
        (RateLimitedError("429", retry_after=30), ("psa_x asks for a pause",)),
        (AuthorizationError("401"), ("credentials refused: check [connectors.psa_x]",)),
        (RejectedError("400 bad conditions"), ("psa_x refused", "400 bad conditions")),
        (
            MirrorUnavailableError(Path("/state/mirror.db"), "the disk is full", "free space"),
            ("/state/mirror.db", "Fix:"),
        ),
        (RecordsUnavailableError("record store /state/records.db: the disk is full"), ("/state/records.db",)),
        (ZeroDivisionError("secret customer words"), ("unexpectedly (ZeroDivisionError", "report")),
    ],
)
def test_a_failure_says_what_where_and_what_happens_next(error: Exception, words: tuple[str, ...]) -> None:
    message = told(error, "psa_x", 120)
    assert all(word in message for word in words)
    assert message.endswith("Next try in 2 min; nothing is lost.")
    assert "secret customer words" not in message
