"""Who is signed in: a session is found by the hash of its token, and the token itself is nowhere here."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from deskhand.records.canonical import written_time
from deskhand.records.database import Records, Transaction
from deskhand.records.schema import sessions


class SessionState(StrEnum):
    """Whether a session was ended before its time."""

    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as it is kept; ``account`` is the name of one."""

    token_sha256: str
    account: str
    created_at: datetime
    expires_at: datetime
    state: SessionState


def begin(transaction: Transaction, token_sha256: str, account: str, *, expires_at: datetime) -> None:
    """Keep a new session. Raises IntegrityError where the token is taken."""
    transaction.insert(
        sessions,
        {
            "token_sha256": token_sha256,
            "account": account,
            "created_at": written_time(transaction.clock()),
            "expires_at": written_time(expires_at),
            "state": SessionState.OPEN,
        },
    )
    transaction.audit("session.begun", detail={"account": account, "expires": written_time(expires_at)})


def find(records: Records, token_sha256: str) -> SessionRow | None:
    """Look up a session, whatever has become of it."""
    with records.reading() as connection:
        row = connection.execute(select(sessions).where(sessions.c.token_sha256 == token_sha256)).one_or_none()
    if row is None:
        return None
    return SessionRow(
        token_sha256,
        row.account,
        datetime.fromisoformat(row.created_at),
        datetime.fromisoformat(row.expires_at),
        SessionState(row.state),
    )


def extend(transaction: Transaction, token_sha256: str, *, expires_at: datetime) -> bool:
    """Put off the end of an open session; False, changing nothing, where it has been ended."""
    row = transaction.find(sessions, {"token_sha256": token_sha256})
    if row is None or row["state"] != SessionState.OPEN:
        return False
    transaction.update(sessions, {"token_sha256": token_sha256}, {"expires_at": written_time(expires_at)})
    transaction.audit("session.extended", detail={"account": row["account"], "expires": written_time(expires_at)})
    return True


def end(transaction: Transaction, token_sha256: str) -> bool:
    """End a session; False, changing nothing, where it was not open."""
    row = transaction.find(sessions, {"token_sha256": token_sha256})
    if row is None or row["state"] != SessionState.OPEN:
        return False
    transaction.update(sessions, {"token_sha256": token_sha256}, {"state": SessionState.ENDED})
    transaction.audit("session.ended", detail={"account": row["account"]})
    return True


def end_all(transaction: Transaction, account: str) -> int:
    """End every open session of an account and return how many there were."""
    query = select(sessions.c.token_sha256).where(sessions.c.account == account, sessions.c.state == SessionState.OPEN)
    return sum(end(transaction, token) for token in transaction.connection.execute(query).scalars().all())


def sweep(transaction: Transaction, *, before: datetime) -> int:
    """Remove sessions that expired before then, and return how many."""
    query = select(sessions.c.token_sha256).where(sessions.c.expires_at < written_time(before))
    gone = transaction.connection.execute(query).scalars().all()
    for token in gone:
        transaction.delete(sessions, {"token_sha256": token})
    if gone:
        transaction.audit("session.swept", detail={"sessions": len(gone)})
    return len(gone)
