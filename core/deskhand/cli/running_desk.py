"""The desk that runs, asked over its own console: what passes through its memory alone can reach it no other way."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from deskhand.cli.answers import fail
from deskhand.cli.exit_codes import ExitCode
from deskhand.daemon import as_program, origin_of
from deskhand.desk.desk import Desk
from deskhand.records.accounts import Account

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RunningDesk:
    """A session at the console, as a person's browser has one."""

    client: httpx.Client
    fields: Mapping[str, str]

    def change(self, path: str, **values: str) -> dict[str, Any]:
        """Ask for a change and return what the desk answers, if anything; exit with its words where it refuses."""
        try:
            answer = self.client.post(path, data={**self.fields, **values})
        except httpx.TransportError as error:
            fail(
                ExitCode.UNAVAILABLE,
                f"no desk answers at {self.client.base_url} ({error}): start it with `deskhand run`",
            )
        if answer.is_error:
            fail(ExitCode.FAILED, _words(answer))
        return dict(answer.json()) if answer.headers.get("content-type", "").startswith("application/json") else {}


@contextmanager
def running_desk(desk: Desk, who: Account, password: str) -> Iterator[RunningDesk]:
    """Open a session at the console of the desk that runs, and end it."""
    settings = desk.configuration.web
    origin = origin_of(settings)
    token = desk.governing.sign_in(who.name, password)
    if token is None:
        fail(ExitCode.FAILED, "name or password is not right, or the account is locked for a while")
    headers, fields = as_program(token, settings)
    verify = ssl.create_default_context(cafile=settings.certificate) if settings.certificate else True
    try:
        with httpx.Client(base_url=origin, headers=headers, timeout=SECONDS, verify=verify, trust_env=False) as client:
            yield RunningDesk(client, fields)
    finally:
        desk.governing.sign_out(token)


def _words(answer: httpx.Response) -> str:
    """Return what a page of the desk says, without its markup."""
    words: list[str] = []
    for piece in answer.text.replace("<", "\n<").splitlines():
        text = unescape(piece.partition(">")[2] if piece.startswith("<") else piece).strip()
        if text and not piece.startswith(("<title", "<style", "<script")):
            words.append(text)
    return " ".join(words)[:500] or f"the desk answered {answer.status_code}"
