"""How the vendor says no: one shape for every refusal, after its OpenAPI document's ErrorResponseMessage."""

from collections.abc import Sequence
from http import HTTPStatus

from deskhand.sdk.testing.simulator import SimulatedResponse


class RefusedError(Exception):
    """A request the vendor refuses; carries the answer."""

    def __init__(self, response: SimulatedResponse) -> None:
        super().__init__(response.status)
        self.response = response


def refusal(status: int, code: str, message: str, errors: Sequence[dict[str, str]] = ()) -> SimulatedResponse:
    """Answer with the vendor's error body."""
    return SimulatedResponse.json(status, {"code": code, "message": message, "errors": list(errors)})


def invalid(resource: str, *faults: tuple[str, str]) -> RefusedError:
    """Refuse a record for (code, field) reasons; the message quotes no value, though the vendor's may."""
    errors = [
        {"code": code, "message": f"The field {field} is invalid.", "resource": resource, "field": field}
        for code, field in faults
    ]
    body = refusal(HTTPStatus.BAD_REQUEST, "InvalidObject", f"{resource} object is invalid", errors)
    return RefusedError(body)


def malformed(message: str) -> RefusedError:
    """Refuse a request that cannot be understood."""
    return RefusedError(refusal(HTTPStatus.BAD_REQUEST, "BadRequest", message))


def missing(resource: str) -> RefusedError:
    """Answer that there is no such record."""
    return RefusedError(refusal(HTTPStatus.NOT_FOUND, "NotFound", f"{resource} not found"))
