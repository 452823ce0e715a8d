"""How Twilio says no: one shape for every refusal, https://www.twilio.com/docs/usage/twilios-response."""

from collections.abc import Mapping
from http import HTTPStatus

from deskhand.sdk.testing.simulator import SimulatedResponse


class RefusedError(Exception):
    """A request Twilio refuses; carries the answer."""

    def __init__(self, response: SimulatedResponse) -> None:
        super().__init__(response.status)
        self.response = response


def refusal(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> SimulatedResponse:
    """Answer with Twilio's error body."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more_info, "status": int(status)}
    return SimulatedResponse.json(status, body, headers)


def refused(code: int, message: str, status: int = HTTPStatus.BAD_REQUEST) -> RefusedError:
    """Refuse a request for one of Twilio's reasons: https://www.twilio.com/docs/api/errors."""
    return RefusedError(refusal(status, code, message))


def missing(path: str) -> RefusedError:
    """Answer that there is no such record."""
    return refused(20404, f"The requested resource {path} was not found", HTTPStatus.NOT_FOUND)
