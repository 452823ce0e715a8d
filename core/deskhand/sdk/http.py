"""The one HTTP client of every connector: bounded, patient where it is safe, and unable to wander off.

SIGNATURES FIXED, BODY TO BE WRITTEN (helper "sdk-http").
"""

from collections.abc import Mapping
from typing import Any

import httpx


class HttpClient:
    """One vendor's HTTP.

    Guarantees: a timeout on everything; ≤ 4 attempts with jittered backoff, only for GET/HEAD and for requests
    declared ``idempotent=True`` (a non-idempotent write is retried only when it surely never reached the vendor:
    connect error, or 429); honours Retry-After (seconds or date); a token bucket of ``requests_per_minute``;
    never follows a redirect to another host; refuses private, loopback and link-local addresses (after DNS
    resolution) unless ``allow_private_addresses``; refuses absolute URLs on another origin; redacts secrets in errors.
    Answers map to deskhand.sdk.errors: 401/403 AuthorizationError, 404 NotFoundError, 429 RateLimitedError,
    other 4xx RejectedError, 5xx / network UnavailableError, and UncertainError when a non-idempotent write may have
    landed (5xx after send, read timeout, dropped connection, truncated answer).
    A body that is not the JSON it should be (HTML error page, truncated) is UnavailableError for reads.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | tuple[str, str] | None = None,
        timeout_seconds: float = 30.0,
        requests_per_minute: int = 300,
        allow_private_addresses: bool = False,
        transport: httpx.BaseTransport | None = None,
    ) -> None: ...

    def get(
        self, path: str, *, params: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response: ...

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
    ) -> httpx.Response: ...

    def close(self) -> None: ...
