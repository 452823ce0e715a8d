"""The one HTTP client of every connector: bounded, patient where it is safe, and unable to wander off."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import NoReturn, Self, TypeAlias, TypeVar

import httpx
from pydantic import JsonValue
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from deskhand.sdk import egress, sending, traffic
from deskhand.sdk.addresses import GuardedTransport
from deskhand.sdk.answers import UnreadableError, complete, itself, json_value, page, retry_after
from deskhand.sdk.budget import RateBudget
from deskhand.sdk.clock import Clock, utc_now
from deskhand.sdk.errors import (
    AuthorizationError,
    ConfigurationError,
    ConnectorError,
    HeldBackError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from deskhand.sdk.trying import Transient, pause_before, transient_of
from deskhand.sdk.wire import AuthorisingTransport, Body, Credential, Form

logging.getLogger("httpx").setLevel(logging.WARNING)  # below that it logs whole addresses, customers' words included
logging.getLogger("httpcore").setLevel(logging.WARNING)

T = TypeVar("T")
JsonBody: TypeAlias = "str | int | float | bool | Sequence[JsonBody] | Mapping[str, JsonBody] | None"
Parameters: TypeAlias = Mapping[str, str | int]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
AMBIGUOUS_REDIRECTS = frozenset({302, 303})
"""Redirects by which many sites answer a form they did act on (RFC 9110, section 15.4)."""
MOST_REDIRECTS = 3
DEFAULT_PAUSE = 30.0
LONGEST_EXPLANATION = 200
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
DOT_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to try, how much to accept, and the clocks to do it by (tests bring their own)."""

    attempts: int = 4
    longest_pause_seconds: float = 10.0
    """A vendor that asks for a longer pause gets RateLimitedError at once: the host waits, not a thread."""
    largest_answer: int = 32 * 1024 * 1024
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    clock: Clock = utc_now


class HttpClient:
    """One vendor's HTTP, safe to share between threads, with no state between calls (cookies are refused).

    Every path is appended to ``base_url``; an absolute URL is taken only on the same origin. A whole answer arrives
    within ``timeout_seconds`` of its request, in at most ``patience.largest_answer`` bytes.

    Retried, at most 4 times with jitter: GET, HEAD and whatever is declared ``idempotent``; anything else only
    where it surely had no effect (no connection, or 429). ``Retry-After`` is honoured in both of its forms; a pause
    longer than ``patience.longest_pause_seconds`` is RateLimitedError at once. Redirects are followed for GET and HEAD
    on the same origin only.

    A plugin's modules reach the hosts its manifest declares; any other is ConfigurationError (see `egress`). The host
    is asked before each request (see `traffic`) and may hold it back: HeldBackError, or what an earlier attempt raised.
    ``connection`` names which of a connector's connections this is, where it has one a client.

    ``credential`` returns the headers that authorise one request. It is called for each, once the host has let it go,
    and so is whatever is a function in a form: there, and nowhere before, a stored secret opens (see `secrets`).
    ``auth`` is for what is read from an answer, such as a token that was refused.

    Errors: 401 and 403 AuthorizationError · 404 NotFoundError · 429 RateLimitedError · other 4xx and other origins
    RejectedError · 5xx, 408 and the network UnavailableError · UncertainError for a non-idempotent write that may have
    landed · ConfigurationError for an address that is not public, unless ``allow_private_addresses``. Messages name
    method, host and path; never a query, a header or a body. ``explain`` may add the vendor's own error codes:
    it is given the refused answer and returns identifiers fit for the record, or nothing. ``is_final`` tells of a 429
    that no pause mends, from the vendor's own code: it becomes RejectedError at once.
    """

    def __init__(  # noqa: PLR0913  # each is a guarantee of its own
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        credential: Credential | None = None,
        timeout_seconds: float = 30.0,
        requests_per_minute: int = 300,
        allow_private_addresses: bool = False,
        transport: httpx.BaseTransport | None = None,
        explain: Callable[[httpx.Response], str] | None = None,
        is_final: Callable[[httpx.Response], bool] | None = None,
        connection: str = "",
        patience: Patience | None = None,
    ) -> None:
        self.requests_sent = 0
        self._package, self._connection = egress.calling_package(), connection
        self._base = _base(base_url)
        egress.check(self._base.host, allow_private_addresses=allow_private_addresses)
        self._explain = explain
        self._is_final = is_final
        self._patience = patience or Patience()
        self._budget = RateBudget(requests_per_minute, sleep=self._patience.sleep, monotonic=self._patience.monotonic)
        self._counting = threading.Lock()
        inner = transport or GuardedTransport(
            allow_private_addresses=allow_private_addresses,
            answer_seconds=timeout_seconds,
            secure=self._base.scheme == "https",
        )
        self._client = httpx.Client(
            headers={"User-Agent": "deskhand", **(headers or {})},
            auth=auth,
            timeout=timeout_seconds,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            event_hooks={"request": [self._account]},
            trust_env=False,
            transport=AuthorisingTransport(inner, self._package, credential),
        )

    def get(
        self, path: str, *, params: Parameters | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Read; the answer's status is below 400 and its body complete."""
        return self.send("GET", path, params=params, headers=headers)

    def send(  # noqa: PLR0913  # each is a part of a request
        self,
        method: str,
        path: str,
        *,
        json: JsonBody = None,
        form: Form | None = None,
        content: bytes | None = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
    ) -> httpx.Response:
        """Send a request and return its answer, whose status is below 400 and whose body is complete.

        The body is ``json``, ``form`` as ``application/x-www-form-urlencoded``, or ``content``, whose type ``headers``
        tell: one of them at most.
        """
        request = self._request(method, path, Body(json, form, content), params, headers)
        return self._exchange(request, itself, repeatable=idempotent or _is_read(request))

    def json(
        self,
        method: str,
        path: str,
        *,
        json: JsonBody = None,
        form: Form | None = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
    ) -> JsonValue:
        """Send a request, its body as for ``send``; return the JSON of its answer, or None where the answer is 204.

        An HTML error page or a truncated body is UnavailableError for what may be repeated, else UncertainError.
        """
        request = self._request(method, path, Body(json, form), params, headers)
        return self._exchange(request, json_value, repeatable=idempotent or _is_read(request))

    def pages(
        self, path: str, *, params: Parameters | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[JsonValue]:
        """Read the JSON of page after page, by ``Link: <…>; rel="next"`` (RFC 8288) on the same origin.

        Each page is fetched when it is asked for. UnavailableError where the pages go in a circle.
        """
        seen: set[str] = set()
        request: httpx.Request | None = self._request("GET", path, Body(), params, headers)
        while request is not None:
            if str(request.url) in seen:
                raise UnavailableError(f"{_name(request)}: the pages go in a circle")
            seen.add(str(request.url))
            value, following = self._exchange(request, page, repeatable=True)
            yield value
            request = self._request("GET", following, Body(), None, headers) if following else None

    def close(self) -> None:
        """Close every connection; the client is not used afterwards."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _account(self, _request: httpx.Request) -> None:
        self._budget.spend()  # may sleep: whoever stops calls meanwhile is asked after it
        sending.check()
        traffic.enter(self._package, self._connection)
        with self._counting:
            self.requests_sent += 1

    def _request(
        self,
        method: str,
        path: str,
        body: Body,
        params: Parameters | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        if not body.is_one_at_most:
            raise RejectedError(f"{method} request to {self._base.host} cannot be built: it has more than one body")
        try:
            url = self._url(path)
            if params:
                url = url.copy_merge_params(dict(params))
            return self._client.build_request(method, url, headers=headers, **body.arguments)
        except (ValueError, TypeError, RecursionError, httpx.InvalidURL) as error:
            reason = f"{method} request to {self._base.host} cannot be built: {type(error).__name__}"
            raise RejectedError(f"{reason} in its path, parameters, headers or body") from None

    def _url(self, path: str) -> httpx.URL:
        if re.match(r"[a-z][a-z0-9+.-]*://|//", path, re.IGNORECASE):
            url = self._base.join(path)
        else:
            url = httpx.URL(f"{str(self._base).rstrip('/')}/{path.lstrip('/')}")
        if _origin(url) != _origin(self._base) or url.userinfo:
            raise RejectedError(f"{url.host} is not {self._base.host}: a connector stays on its own origin")
        if DOT_SEGMENT.search(path.partition("?")[0]) or "#" in path:
            raise RejectedError(f"a path for {self._base.host} may not contain # or . and .. segments")
        return url

    def _exchange(self, request: httpx.Request, parse: Callable[[httpx.Response], T], *, repeatable: bool) -> T:
        try:
            found = self._patiently(request, parse, repeatable=repeatable)
        except ConnectorError as error:
            traffic.leave(self._package, self._connection, error)
            raise
        traffic.leave(self._package, self._connection, None)
        return found

    def _patiently(self, request: httpx.Request, parse: Callable[[httpx.Response], T], *, repeatable: bool) -> T:
        earlier: list[ConnectorError] = []
        attempts = Retrying(
            stop=stop_after_attempt(self._patience.attempts),
            wait=pause_before,
            retry=retry_if_exception_type(Transient),
            before_sleep=lambda state: earlier.append(transient_of(state).error),
            sleep=self._patience.sleep,
            reraise=True,
        )
        try:
            found: T = attempts(self._attempt, request, parse, repeatable=repeatable)
        except Transient as transient:
            raise transient.error from None
        except HeldBackError:
            if earlier:  # what was tried may have had its effect, which the host must hear of
                raise earlier[-1] from None
            raise
        return found

    def _attempt(self, request: httpx.Request, parse: Callable[[httpx.Response], T], *, repeatable: bool) -> T:
        try:
            answer = self._answer(request, repeatable=repeatable)
            return parse(answer)
        except httpx.LocalProtocolError:
            raise RejectedError(f"{_name(request)} cannot be sent: a header is malformed") from None
        except NEVER_SENT as error:
            raise Transient(UnavailableError(f"{_name(request)} did not connect: {error}")) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            _broken(request, type(error).__name__, repeatable=repeatable)
        except UnreadableError as error:
            _broken(request, str(error), repeatable=repeatable)

    def _answer(self, request: httpx.Request, *, repeatable: bool) -> httpx.Response:
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._sent(request)
            if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
                return answer
            if answer.status_code not in REDIRECTS:
                self._refuse(answer, repeatable=repeatable)
            request = self._redirected(answer, repeatable=repeatable)
        raise RejectedError(f"{_name(request)} was redirected more than {MOST_REDIRECTS} times")

    def _sent(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer; neither that nor an error leads back to what was sent, secrets included.

        An error would, by the frames of its traceback and of what caused it.
        """
        try:
            streamed = self._client.send(request, stream=True)
            try:
                return complete(streamed, largest=self._patience.largest_answer)
            finally:
                streamed.close()
                del streamed
        except (httpx.HTTPError, UnreadableError) as error:
            error.__cause__ = error.__context__ = None
            raise error.with_traceback(None) from None

    def _redirected(self, answer: httpx.Response, *, repeatable: bool) -> httpx.Request:
        request = answer.request
        target = request.url.join(answer.headers.get("location", ""))
        if answer.status_code in AMBIGUOUS_REDIRECTS and not repeatable:
            raise UncertainError(f"{_name(request)} was answered by a redirect to {target.host}")
        if _origin(target) != _origin(self._base) or not _is_read(request):
            raise RejectedError(f"{_name(request)} was redirected to {target.scheme}://{target.host}, which is refused")
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        return self._client.build_request(request.method, target, headers=headers)

    def _refuse(self, answer: httpx.Response, *, repeatable: bool) -> NoReturn:
        status, message = answer.status_code, self._message(answer)
        if status == HTTPStatus.TOO_MANY_REQUESTS and not _read(self._is_final, answer, otherwise=False):
            self._pause_or_raise(answer, message)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AuthorizationError(message)
        if status == HTTPStatus.NOT_FOUND:
            raise NotFoundError(message)
        if status != HTTPStatus.REQUEST_TIMEOUT and status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RejectedError(message)
        if not repeatable:
            raise UncertainError(message)
        if status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in answer.headers:
            self._pause_or_raise(answer, message)
        raise Transient(UnavailableError(message))

    def _pause_or_raise(self, answer: httpx.Response, message: str) -> NoReturn:
        asked = retry_after(answer.headers, self._patience.clock)
        error = RateLimitedError(message, retry_after=DEFAULT_PAUSE if asked is None else asked)
        if asked is not None and asked > self._patience.longest_pause_seconds:
            raise error
        raise Transient(error, pause=asked)

    def _message(self, answer: httpx.Response) -> str:
        message = f"{_name(answer.request)} was answered with {answer.status_code}"
        explanation = _read(self._explain, answer, otherwise="")
        printable = "".join(each if each.isprintable() else " " for each in explanation[:LONGEST_EXPLANATION])
        return f"{message}: {printable}" if printable.strip() else message


def _read(reader: Callable[[httpx.Response], T] | None, answer: httpx.Response, *, otherwise: T) -> T:
    """Have a connector read a refusal; where its shape is another, the status alone still stands."""
    try:
        return reader(answer) if reader is not None else otherwise
    except (ValueError, LookupError, TypeError, AttributeError):
        return otherwise


def _broken(request: httpx.Request, reason: str, *, repeatable: bool) -> NoReturn:
    if repeatable:
        raise Transient(UnavailableError(f"{_name(request)} failed: {reason}")) from None
    raise UncertainError(f"{_name(request)} may or may not have taken effect: {reason}") from None


def _base(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
        is_named = bool(url.host)  # read here: a name that IDNA does not allow is told when it is read
    except (httpx.InvalidURL, UnicodeError):
        raise ConfigurationError("the address is not a URL; write it as https://host") from None
    if url.scheme not in ("http", "https") or not is_named or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            "the address must be https://host, with a path at most: no user name, password, query or fragment"
        )
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host.rstrip("."), url.port or {"http": 80, "https": 443}.get(url.scheme)


def _is_read(request: httpx.Request) -> bool:
    return request.method in ("GET", "HEAD")


def _name(request: httpx.Request) -> str:
    path = request.url.raw_path.partition(b"?")[0].decode("ascii")
    return f"{request.method} {request.url.host}{path}"
