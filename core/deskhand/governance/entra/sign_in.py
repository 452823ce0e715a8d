"""Signing in with Entra ID, from the first page to the session: each way it can fail has words of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from deskhand.governance.accounts import begin_session
from deskhand.governance.entra.admission import admit
from deskhand.governance.entra.authority import Authority
from deskhand.governance.entra.pending import PendingSignIns
from deskhand.governance.entra.person import EntraPerson, NotVouchedError, person_of
from deskhand.governance.entra.settings import EntraSignInSettings
from deskhand.records.database import Records
from deskhand.sdk.clock import Clock
from deskhand.sdk.errors import AuthorizationError

_CODE = re.compile(r"AADSTS[0-9]{4,7}")

NOT_UNDER_WAY = "This sign-in took longer than ten minutes, was used already, or began in another browser."
DECLINED = "Entra ID did not sign you in."
NOT_ASSIGNED = "You are not assigned to this application in Entra ID. Ask whoever manages it there."
_TOLD = {"AADSTS50105": NOT_ASSIGNED, "AADSTS65004": "You declined what Entra ID asked for."}


class EntraRefusedError(Exception):
    """Nobody is signed in; the message is for whoever tried. ``wanted`` is where they were going, if that is known.

    ``is_known`` tells that Entra vouches for them, and that it is this desk that does not let them in.
    """

    def __init__(self, message: str, *, wanted: str = "", is_known: bool = False) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.is_known = is_known


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it has to keep to come back."""

    where: str
    token: SecretStr


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session has begun: its token, once, and where its owner was going."""

    token: SecretStr
    wanted: str


@dataclass(slots=True)
class EntraSignIn:
    """Signs people in with the configured tenant. Raises EntraRefusedError, and UnavailableError without an answer."""

    settings: EntraSignInSettings
    records: Records
    clock: Clock
    authority: Authority = field(init=False)
    pending: PendingSignIns = field(init=False)

    def __post_init__(self) -> None:
        """Contact nobody."""
        self.authority, self.pending = Authority(self.settings), PendingSignIns(self.clock)

    @property
    def is_on(self) -> bool:
        """Tell whether it is configured."""
        return self.settings.is_on

    def begin(self, redirect_uri: str, wanted: str, client: str) -> Begun:
        """Begin; ``wanted`` is the page of ours to go to afterwards, ``client`` the address that asks."""
        try:
            flow = self.authority.begin(redirect_uri)
        except AuthorizationError as error:
            raise EntraRefusedError(f"Entra ID does not know this desk: {error}", wanted=wanted) from None
        return Begun(flow.where, SecretStr(self.pending.keep(flow, wanted, client)))

    def finish(self, token: str, answer: Mapping[str, str]) -> SignedIn:
        """Take what came back to a browser with this token, check all of it, and begin a session."""
        found = self.pending.take(token, answer.get("state", ""))
        if found is None:
            raise EntraRefusedError(NOT_UNDER_WAY)
        if "code" not in answer:
            raise EntraRefusedError(_declined(answer), wanted=found.wanted)
        try:
            id_token = self.authority.finish(found.flow, answer)
            keys = self.authority.keys()
            person = person_of(id_token, keys, self.settings, nonce=found.flow.nonce, now=self.clock())
        except (AuthorizationError, NotVouchedError) as error:
            self._note(type(error).__name__)
            message = f"What Entra ID answered is not taken: {error}"
            raise EntraRefusedError(message, wanted=found.wanted) from None
        return self._session(person, found.wanted)

    def close(self) -> None:
        """Close every connection."""
        self.authority.close()

    def _session(self, person: EntraPerson, wanted: str) -> SignedIn:
        with self.records.transaction("sign-in") as transaction:
            admission = admit(transaction, person, self.settings)
            if admission.account is not None:
                detail = {"account": admission.account.name, "entra": str(person.identity)}
                transaction.audit("account.entra_signed_in", detail=detail)
                session = begin_session(transaction, admission.account)
        if admission.account is None or session.token is None:
            raise EntraRefusedError(admission.problem, wanted=wanted, is_known=True)
        return SignedIn(session.token, wanted)

    def _note(self, what: str) -> None:
        with self.records.transaction("sign-in") as transaction:
            transaction.audit("account.entra_failed", detail={"because": what})


def _declined(answer: Mapping[str, str]) -> str:
    """Say why there is no code, by the authority's own number: its sentences are anybody's who can write an address."""
    code = _CODE.search(answer.get("error_description", "")[:2_000])
    if code is None:
        return DECLINED
    return _TOLD.get(code[0], f"{DECLINED} Its reason has the number {code[0]}.")
