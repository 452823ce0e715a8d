"""What an operator does after a restore or a repair: go on, with what happened on the record."""

from sqlalchemy import select

from deskhand.records.audit.checkpoints import last_checkpoint
from deskhand.records.audit.keys import KeyFiles, Trust, encoded
from deskhand.records.failures import RecordsUnavailableError
from deskhand.records.schema import store
from deskhand.records.state import State
from deskhand.records.transaction import Transaction


def renew_key(transaction: Transaction, keys: KeyFiles) -> Trust:
    """Sign with a new key from the next epoch on, and trust it; keys trusted for earlier epochs stay."""
    origin = transaction.connection.execute(select(store.c.origin)).scalar_one()
    last = last_checkpoint(transaction.connection)
    epoch = 0 if last is None else last.epoch + 1
    trust = keys.begin(origin, epoch, _earlier(keys, origin))
    transaction.audit("audit.key_renewed", detail={"epoch": epoch, "key": encoded(trust.keys[epoch])})
    return trust


def accept_records(transaction: Transaction, reason: str) -> None:
    """Vouch for the records as they are now, after someone changed rows past the log and said why."""
    before, transaction.head.state = transaction.head.state, State.of(transaction.connection)
    transaction.audit("audit.records_accepted", detail={"before": before.digest(), "reason": reason})


def _earlier(keys: KeyFiles, origin: str) -> dict[int, bytes]:
    try:
        trust = keys.trust()
    except RecordsUnavailableError:
        return {}
    return dict(trust.keys) if trust is not None and trust.origin == origin else {}
