"""A desk and its web server as one process: signals, log, an orderly end."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Literal, TextIO

import structlog
import uvicorn
from pydantic import JsonValue
from starlette.types import ASGIApp
from structlog.tracebacks import ExceptionDictTransformer

from deskhand.configuration.schema import Configuration, LogSettings, WebSettings
from deskhand.desk.desk import Desk
from deskhand.desk.hand import Hand, hand_folder
from deskhand.desk.leaks import scanner_of
from deskhand.desk.lock import StateLock
from deskhand.desk.progress import Progress
from deskhand.governance.leaks.log import RedactingFormatter, RedactingProcessor
from deskhand.governance.leaks.scanner import Redact
from deskhand.registry import Registry
from deskhand.sdk.errors import UnavailableError
from deskhand.web.access import form_key
from deskhand.web.app import create_app
from deskhand.web.cookies import session_cookie
from deskhand.web.openapi import document

log = structlog.get_logger(__name__)

GRACE = 8.0
"""Seconds after a signal until the process ends, whatever it is waiting for; the queue still holds that ticket."""

CLOSING = 5.0
"""Seconds the web server gets to end its answers."""


def run(configuration: Configuration, progress: Progress, *, drain: bool = False) -> None:
    """Run the desk until SIGTERM or SIGINT, or with ``drain`` until nothing is left to do.

    Raises ConfigurationError where the state folder is taken, UnavailableError where the port is, KeyboardInterrupt
    after an orderly end by SIGINT. Nothing is lost however it ends.
    """
    stop = threading.Event()
    configure_log(configuration.log)
    scanner = scanner_of(configuration, Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned))
    configure_log(configuration.log, scanner.redact)
    with (
        StateLock(configuration.state) as lock,
        _signals(stop) as overdue,
        Desk.open(configuration, scanner=scanner, stopping=stop, place=lock.place) as desk,
    ):
        with serving(create_app(desk), configuration.web) as url:
            log.info("desk runs", console=url, ticket_system=configuration.desk.ticket_system)
            desk.run(progress, drain=drain)
        log.info("desk stops", handled=desk.worker.handled)
        if desk.schedule.is_at_rest:
            overdue.cancel()


def run_hand(configuration: Configuration, name: str) -> None:
    """Carry runs out beside the desk until SIGTERM or SIGINT. Whatever is cut short another process takes up.

    Raises ConfigurationError where the record store is a file or another hand has this name here, and whatever
    `Hand.open` raises; KeyboardInterrupt after an orderly end by SIGINT.
    """
    stop = threading.Event()
    configure_log(configuration.log)
    scanner = scanner_of(configuration, Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned))
    configure_log(configuration.log, scanner.redact)
    lock = StateLock(hand_folder(configuration, name), kind="hand", otherwise="another --name")
    with lock, _signals(stop) as overdue:
        with Hand.open(configuration, name, scanner=scanner, stopping=stop, place=lock.place) as hand:
            hand.run()
        log.info("hand stops", name=name)
        overdue.cancel()


@contextmanager
def serving(app: ASGIApp, settings: WebSettings) -> Iterator[str]:
    """Serve an application in a thread of its own and yield its address."""
    listener = _listen(settings)
    host, port = listener.getsockname()[:2]
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.private_key,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    try:
        scheme = "https" if settings.certificate else "http"
        yield f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        thread.join(CLOSING)
        listener.close()


def origin_of(settings: WebSettings) -> str:
    """Return the address a program on this machine reaches the console at. Raises UnavailableError without a port."""
    if settings.port == 0:
        raise UnavailableError("[web] port is 0, so nobody knows where the desk listens: set a port")
    host = settings.hosts[0] if settings.hosts else settings.host
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def surface() -> dict[str, JsonValue]:
    """Return what the desk answers over HTTP, as OpenAPI 3.1."""
    return document()


def as_program(token: str, settings: WebSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the form fields by which a program with a session makes changes at the console."""
    headers = {
        "origin": origin_of(settings),
        "sec-fetch-site": "same-origin",
        "accept": "application/json",
        "cookie": session_cookie(token, is_secure=settings.certificate is not None),
    }
    return headers, {"csrf": form_key(token)}


def configure_log(settings: LogSettings, redact: Redact = str) -> None:
    """Send structured lines to standard error: JSON for machines, colours for people at a terminal.

    ``redact`` takes secrets out of every line.
    """
    for_people = settings.format == "people" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if for_people
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[*shared, *last, RedactingProcessor(redact)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(redact))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class _Lines:
    """Writes a line at a time. One that cannot be written, on a full disk for instance, is lost and stops nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line; customers' words and secrets have no place in it."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _listen(settings: WebSettings) -> socket.socket:
    family: Literal[socket.AddressFamily.AF_INET6, socket.AddressFamily.AF_INET] = (
        socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    )
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
            "end what listens there, or change [web] host or port"
        ) from error
    return listener


@contextmanager
def _signals(stop: threading.Event) -> Iterator[threading.Timer]:
    """Let SIGTERM and SIGINT end the desk in order; a second one ends it at once.

    The timer that is yielded ends the process GRACE after the first, unless it is cancelled.
    """
    received: list[int] = []
    overdue = threading.Timer(GRACE, _leave, [received])
    overdue.daemon = True

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if received:
            raise KeyboardInterrupt
        received.append(number)
        stop.set()
        overdue.start()
        log.info("stopping", signal=signal.Signals(number).name)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield overdue
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if received == [signal.SIGINT]:
        raise KeyboardInterrupt


def _leave(received: list[int]) -> None:
    """End the process as a power cut would, which loses nothing, where somebody keeps it waiting for too long."""
    log.warning("a request did not end in time", next="what it was about is taken up later; nothing is lost")
    os._exit(128 + signal.SIGINT if received == [signal.SIGINT] else os.EX_OK)
