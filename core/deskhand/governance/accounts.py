"""Signing in: argon2 passwords, the same work for every name, a lock after failures, and sessions known by a hash.

Password storage follows RFC 9106, session lifetimes https://pages.nist.gov/800-63-4/sp800-63b.html.
"""

import hashlib
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from deskhand.governance import local_sign_in
from deskhand.records import accounts, sessions
from deskhand.records.accounts import Account, Credential, account_name
from deskhand.records.database import Records, Transaction
from deskhand.records.sessions import SessionState
from deskhand.sdk.clock import Clock

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
_FEWEST_DIFFERENT = 5
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
"""How long a session lasts at most."""
IDLE = timedelta(hours=2)
"""How long a session lasts without being used."""
STALE = timedelta(minutes=10)
"""A use of a session is written down once this much of its idle time is gone, so that not every page is a commit."""

_TOKEN_BYTES = 32
_AT_ONCE = threading.BoundedSemaphore(2)
"""Argon2 takes 64 MiB a password: strangers must not take the machine's memory by trying many at once."""


class PasswordRefusedError(ValueError):
    """A password will not do; the message says why."""


@dataclass(frozen=True, slots=True)
class Session:
    """Someone is signed in. ``token`` is there once, when the session begins, and kept nowhere."""

    account: Account
    created_at: datetime
    expires_at: datetime
    token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes passwords and checks them, two at a time."""

    hasher: PasswordHasher

    def hash(self, name: str, password: str) -> str:
        """Return the hash of a new password for an account. Raises PasswordRefusedError where it will not do."""
        plain = _plain(password)
        if not SHORTEST_PASSWORD <= len(plain) <= LONGEST_PASSWORD:
            raise PasswordRefusedError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        if account_name(name) == account_name(plain) or len(set(plain)) < _FEWEST_DIFFERENT:
            raise PasswordRefusedError("the password is the account's name or repeats a few characters: choose another")
        with _AT_ONCE:
            return self.hasher.hash(_bytes(plain))

    def match(self, password_hash: str, password: str) -> bool:
        """Tell whether a password is the one; takes as long where there is no hash."""
        plain = _plain(password)[: LONGEST_PASSWORD + 1]
        with _AT_ONCE:
            try:
                is_right = self.hasher.verify(password_hash or _decoy(self.hasher), _bytes(plain))
            except (VerificationError, InvalidHashError):
                return False
        return is_right and bool(password_hash)


PASSWORDS = Passwords(PasswordHasher())
"""With argon2-cffi's defaults, which are the second recommendation of RFC 9106."""


def set_password(transaction: Transaction, name: str, password_hash: str) -> None:
    """Give an account another password, hashed by `Passwords`, and end its sessions. Raises LookupError."""
    accounts.set_password_hash(transaction, name, password_hash)
    sessions.end_all(transaction, account_name(name))


def sign_in(
    records: Records, name: str, password: str, clock: Clock, *, passwords: Passwords = PASSWORDS
) -> Session | None:
    """Begin a session, or return None: for a wrong name, a wrong password, a locked and a disabled account alike.

    The work is the same for each of them. Five failures in a row lock the account for a quarter of an hour.
    """
    known, is_right = _tried(records, name, password, passwords)
    with records.transaction("sign-in") as transaction:
        account = _settled(transaction, name, known, clock(), is_right=is_right)
        return None if account is None else _begin(transaction, account, clock())


def check_password(
    records: Records, name: str, password: str, *, clock: Clock, passwords: Passwords = PASSWORDS
) -> Account | None:
    """Return the account of someone who shows who they are for one command, as `sign_in` does; no session begins."""
    known, is_right = _tried(records, name, password, passwords)
    with records.transaction("sign-in") as transaction:
        account = _settled(transaction, name, known, clock(), is_right=is_right)
        if account is not None:
            transaction.audit("account.password_checked", detail={"account": account.name})
        return account


def session_of(records: Records, token: str, clock: Clock) -> Session | None:
    """Return the session of a token, if it is open, neither too old nor idle too long, and its account is active.

    A use puts off the end of its idle time; the account and its roles are as they are now.
    """
    digest = token_digest(token)
    found, now = sessions.find(records, digest), clock()
    if found is None or found.state is not SessionState.OPEN or now >= found.expires_at:
        return None
    account = accounts.find(records, found.account)
    if account is None or not account.is_active:
        return None
    expires = min(found.created_at + ABSOLUTE, now + IDLE)
    if expires - found.expires_at >= STALE:
        with records.transaction(account.name) as transaction:
            if not sessions.extend(transaction, digest, expires_at=expires):
                return None
    return Session(account, found.created_at, expires)


def sign_out(records: Records, token: str) -> None:
    """End the session of a token; nothing happens where there is none."""
    found = sessions.find(records, token_digest(token))
    if found is None:
        return
    with records.transaction(found.account) as transaction:
        sessions.end(transaction, token_digest(token))


def begin_session(transaction: Transaction, account: Account) -> Session:
    """Begin a session for an account that has shown who it is by other means, such as the first set-up."""
    return _begin(transaction, account, transaction.clock())


def token_digest(token: str) -> str:
    """Return what a token is known by: its SHA-256, in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _begin(transaction: Transaction, account: Account, now: datetime) -> Session:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    sessions.sweep(transaction, before=now - ABSOLUTE)
    sessions.begin(transaction, token_digest(token), account.name, expires_at=now + IDLE)
    return Session(account, now, now + IDLE, SecretStr(token))


def _tried(records: Records, name: str, password: str, passwords: Passwords) -> tuple[Credential | None, bool]:
    """Do the slow part, outside any transaction."""
    known = accounts.credential(records, name)
    return known, passwords.match(known.password_hash if known else "", password)


def _settled(
    transaction: Transaction, name: str, known: Credential | None, now: datetime, *, is_right: bool
) -> Account | None:
    """Count what was tried, and return the account where it was right; then the caller's own entry vouches for it."""
    present, account = accounts.credential_in(transaction, name), accounts.find_in(transaction, name)
    if present is None or account is None:
        transaction.audit("account.sign_in_failed", detail={"account": None})
        return None
    if not local_sign_in.is_open_to(transaction, account):
        transaction.audit("account.local_sign_in_refused", detail={"account": account.name})
        return None
    is_locked = present.locked_until is not None and now < present.locked_until
    is_current = known is not None and known.password_hash == present.password_hash
    if is_locked or not (is_right and is_current and account.is_active):
        _count_failure(transaction, account, present, now, is_locked=is_locked)
        return None
    if present.failures or present.locked_until:
        accounts.forget_failures(transaction, account.name)
    return account


def _count_failure(
    transaction: Transaction, account: Account, present: Credential, now: datetime, *, is_locked: bool
) -> None:
    """Count a failure; tries while an account is locked do not make it longer, so that nobody is kept out for good."""
    if is_locked:
        transaction.audit("account.sign_in_while_locked", detail={"account": account.name})
        return
    failures = (0 if present.locked_until else present.failures) + 1
    until = now + LOCKED_FOR if failures >= MOST_FAILURES else None
    accounts.note_failure(transaction, account.name, failures=failures, locked_until=until)


def _plain(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _bytes(plain: str) -> bytes:
    return plain.encode("utf-8", "surrogatepass")


@cache
def _decoy(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_urlsafe(_TOKEN_BYTES))
