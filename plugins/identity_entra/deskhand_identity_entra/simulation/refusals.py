"""How Graph says no: one shape for every refusal, after its OpenAPI document's ODataError."""

from collections.abc import Mapping
from http import HTTPStatus

from deskhand.sdk.testing.simulator import SimulatedResponse


class RefusedError(Exception):
    """A request the vendor refuses; carries the answer."""

    def __init__(self, response: SimulatedResponse) -> None:
        super().__init__(response.status)
        self.response = response


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> RefusedError:
    """Refuse with the vendor's error body."""
    return RefusedError(SimulatedResponse.json(status, {"error": {"code": code, "message": message}}, headers))


def bad_request(message: str, code: str = "Request_BadRequest") -> RefusedError:
    """Refuse a request that is wrong in itself."""
    return refusal(HTTPStatus.BAD_REQUEST, code, message)


def missing(what: str) -> RefusedError:
    """Answer that this tenant has no such record; the message quotes the identifier, as the vendor's does."""
    message = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return refusal(HTTPStatus.NOT_FOUND, "Request_ResourceNotFound", message)


def denied() -> RefusedError:
    """Refuse for want of a permission; the vendor does not say of which."""
    message = "Insufficient privileges to complete the operation."
    return refusal(HTTPStatus.FORBIDDEN, "Authorization_RequestDenied", message)
