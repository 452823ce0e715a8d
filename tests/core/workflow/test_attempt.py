import pytest
from structlog.testing import capture_logs

from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.workflow.attempt import Done, Failed, Recovery, attempt
from deskhand.workflow.calls import RefusedError, RingName


def failing(error: BaseException) -> object:
    raise error


def test_a_step_that_comes_to_its_end_yields_its_value() -> None:
    assert attempt(lambda: 5) == Done(5)


@pytest.mark.parametrize(
    ("error", "recovery"),
    [
        (UnavailableError("503 from /tickets"), Recovery.RETRY_LATER),
        (RateLimitedError("429", retry_after=30), Recovery.RETRY_LATER),
        (AuthorizationError("401"), Recovery.REAUTHORISE),
        (ConfigurationError("a private address"), Recovery.RECONFIGURE),
        (UncertainError("the answer was lost"), Recovery.READ_FIRST),
        (RejectedError("400"), Recovery.TELL_TECHNICIAN),
        (RefusedError("the gate said no"), Recovery.TELL_TECHNICIAN),
        (RefusedError("stopped", ring=RingName.KILL_SWITCH), Recovery.RETRY_LATER),
        (NotFoundError("404"), Recovery.TELL_TECHNICIAN),
        (ConnectorError("of a kind nobody knows"), Recovery.REPORT_BUG),
    ],
)
def test_each_error_of_a_connector_has_its_recovery_and_its_words(error: ConnectorError, recovery: Recovery) -> None:
    outcome = attempt(lambda: failing(error))
    assert isinstance(outcome, Failed)
    assert (outcome.recovery, outcome.reason) == (recovery, str(error))


def test_a_pause_the_vendor_asked_for_is_handed_on() -> None:
    outcome = attempt(lambda: failing(RateLimitedError("429", retry_after=12.5)))
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == 12.5
    other = attempt(lambda: failing(UnavailableError("503")))
    assert isinstance(other, Failed)
    assert other.retry_after is None


def every_error(kind: type[ConnectorError]) -> list[type[ConnectorError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in every_error(child))]


def test_no_kind_of_connector_error_but_the_root_is_taken_for_a_bug() -> None:
    for kind in every_error(ConnectorError):
        error = kind("x", retry_after=1) if issubclass(kind, RateLimitedError) else kind("x")
        outcome = attempt(lambda error=error: failing(error))  # type: ignore[misc]  # mypy cannot infer bound defaults
        assert isinstance(outcome, Failed)
        assert (outcome.recovery is Recovery.REPORT_BUG) == (kind is ConnectorError), kind


def test_a_defect_becomes_a_report_that_quotes_nothing() -> None:
    with capture_logs() as logged:
        outcome = attempt(lambda: failing(ValueError("a customer's words")))
    assert outcome == Failed(Recovery.REPORT_BUG, "ValueError: see the log")
    assert logged[0]["error"] == "ValueError"


def test_what_is_not_the_steps_own_error_goes_through() -> None:
    with pytest.raises(OSError, match="disk"):
        attempt(lambda: failing(OSError("disk")), passing=(OSError,))
    with pytest.raises(UnavailableError):
        attempt(lambda: failing(UnavailableError("x")), passing=(ConnectorError,))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_the_end_of_the_process_is_no_failure_of_a_step(error: BaseException) -> None:
    with pytest.raises(type(error)):
        attempt(lambda: failing(error))
