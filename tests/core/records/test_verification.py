import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deskhand.records.audit.anchors import Anchor, AnchorError, anchor_of, read_anchors
from deskhand.records.audit.checkpoints import Checkpoint
from deskhand.records.audit.entries import CHAIN_START, chained
from deskhand.records.audit.export import export
from deskhand.records.audit.keys import KeyFiles, Trust, decoded_key
from deskhand.records.audit.merkle import Frontier, leaf_hash
from deskhand.records.audit.notes import sign_note
from deskhand.records.audit.renewal import accept_records
from deskhand.records.audit.verification import Verification, verify
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now
from tests.core.records.examples import handle

PER_TICKET = 5
TICKETS = 12
EPOCH = 3 * PER_TICKET
ENTRIES = TICKETS * PER_TICKET + PER_TICKET
Attack = Callable[[sqlite3.Connection], object]


class Log:
    """A store of 12 tickets in four signed epochs and one more ticket after the last, and what a thief might have."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "records.db"
        self.keys: list[Ed25519PrivateKey] = []
        self.anchors: list[Anchor] = []
        records = Records.open(url_of(self.file), clock=utc_now)
        for number in range(TICKETS):
            handle(records, str(number))
            if number % 3 == 2:
                self.keys.append(
                    Ed25519PrivateKey.from_private_bytes(decoded_key(Path(f"{self.file}.key").read_text()))
                )
                records.checkpoint()
                self.anchors.append(anchor_of(records))
        handle(records, "tail")
        records.close()

    def copy(self, folder: Path) -> Path:
        for file in self.file.parent.iterdir():
            shutil.copy(file, folder)
        return folder / self.file.name


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("log"))


@pytest.fixture
def attacked(log: Log, tmp_path: Path) -> Callable[..., Verification]:
    """Let someone loose on a copy of the file, triggers out of the way, and verify what is left."""

    def attack(act: Attack, *anchors: Anchor) -> Verification:
        file = log.copy(tmp_path)
        with sqlite3.connect(file) as connection:
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            act(connection)
            for _, sql in triggers:
                connection.execute(sql)
        connection.close()
        return verify(url_of(file), anchors=anchors)

    return attack


def edit(seq: int) -> Attack:
    return lambda connection: connection.execute(
        "UPDATE audit SET entry = replace(entry, '\"desk\"', '\"disk\"') WHERE seq = ?", (seq,)
    )


def chain_anew(connection: sqlite3.Connection) -> None:
    frontier, chain = Frontier(), CHAIN_START
    for seq, entry in connection.execute("SELECT seq, entry FROM audit ORDER BY seq").fetchall():
        leaf = leaf_hash(entry.encode())
        chain = chained(chain, leaf)
        frontier.append(leaf)
        connection.execute("UPDATE audit SET chain = ? WHERE seq = ?", (chain, seq))
    connection.execute(
        "UPDATE audit_head SET size = ?, chain = ?, frontier = ?", (frontier.size, chain, frontier.stored())
    )


def sign_anew(connection: sqlite3.Connection, key: Ed25519PrivateKey, first: int) -> None:
    """Replace the checkpoints from an epoch on by ones that fit the log as it now is."""
    for epoch, size, note in connection.execute("SELECT * FROM checkpoints WHERE epoch >= ?", (first,)).fetchall():
        honest = Checkpoint.read(note)
        frontier = Frontier()
        for (entry,) in connection.execute("SELECT entry FROM audit WHERE seq < ? ORDER BY seq", (size,)):
            frontier.append(leaf_hash(entry.encode()))
        successor = Ed25519PrivateKey.generate()
        forged = Checkpoint(
            honest.origin, size, frontier.root(), epoch, honest.at, successor.public_key().public_bytes_raw()
        )
        connection.execute(
            "UPDATE checkpoints SET note = ? WHERE epoch = ?", (sign_note(forged.text(), honest.origin, key), epoch)
        )
        key = successor


def test_an_untouched_log_is_whole(log: Log, tmp_path: Path) -> None:
    checked = verify(url_of(log.copy(tmp_path)), anchors=log.anchors)
    assert checked.ok, checked.reason
    assert (checked.entries, checked.covered, checked.first_bad) == (ENTRIES, TICKETS * PER_TICKET, None)
    assert checked.anchor is not None
    assert checked.anchor.size == ENTRIES


def test_a_store_in_use_can_be_verified(records: Records, url: str, file: Path) -> None:
    handle(records, "1")
    assert verify(url, signing=file).entries == PER_TICKET
    handle(records, "2")
    assert verify(url, signing=file).ok


def test_an_empty_store_is_whole(records: Records, url: str, file: Path) -> None:
    assert records.audit_entries() == []
    assert verify(url, signing=file).ok


@pytest.mark.parametrize("seq", [1, 33, ENTRIES - 1])
def test_an_edited_entry_is_named(attacked: Callable[..., Verification], seq: int) -> None:
    found = attacked(edit(seq))
    assert (found.first_bad, found.entries) == (seq, seq)
    assert f"entry {seq} was changed" in found.reason


def test_a_deleted_entry_is_named(attacked: Callable[..., Verification]) -> None:
    found = attacked(lambda connection: connection.execute("DELETE FROM audit WHERE seq = 33"))
    assert found.first_bad == 33
    assert "entry 33 is missing" in found.reason


def test_swapped_entries_are_named(attacked: Callable[..., Verification]) -> None:
    def swap(connection: sqlite3.Connection) -> None:
        for old, new in ((33, -1), (34, 33), (-1, 34)):
            connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))

    assert attacked(swap).first_bad == 33


def test_an_inserted_entry_is_named(attacked: Callable[..., Verification]) -> None:
    def insert(connection: sqlite3.Connection) -> None:
        for seq in range(ENTRIES, 33, -1):
            connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (seq, seq - 1))
        connection.execute("INSERT INTO audit (seq, entry, chain) SELECT 33, entry, chain FROM audit WHERE seq = 32")

    assert attacked(insert).first_bad == 33


def test_an_edit_with_the_chain_made_anew_is_found_within_its_epoch(attacked: Callable[..., Verification]) -> None:
    def rewrite(connection: sqlite3.Connection) -> None:
        edit(33)(connection)
        chain_anew(connection)

    found = attacked(rewrite)
    assert found.first_bad == 2 * EPOCH
    assert f"an entry from {2 * EPOCH} to {3 * EPOCH - 1} was changed and the chain made anew" in found.reason


def test_a_key_stolen_later_cannot_rewrite_an_epoch_that_has_ended(
    log: Log, attacked: Callable[..., Verification]
) -> None:
    def rewrite(connection: sqlite3.Connection) -> None:
        edit(18)(connection)
        chain_anew(connection)
        sign_anew(connection, log.keys[3], 1)

    found = attacked(rewrite)
    assert found.first_bad == EPOCH
    assert "checkpoint 1 is not signed as it must be" in found.reason


def test_only_an_anchor_catches_whoever_holds_the_key_of_the_very_epoch(
    log: Log, attacked: Callable[..., Verification]
) -> None:
    """This is what the documentation says cannot be promised without an anchor, so it is shown."""

    def rewrite(connection: sqlite3.Connection) -> None:
        edit(18)(connection)
        chain_anew(connection)
        sign_anew(connection, log.keys[1], 1)

    assert attacked(rewrite).ok
    found = attacked(rewrite, log.anchors[1])
    assert found.first_bad == EPOCH


def cut_off(connection: sqlite3.Connection) -> None:
    """Go back to the third checkpoint as if nothing had happened since, records included."""
    whole = connection.execute("SELECT entry FROM audit WHERE seq = ?", (3 * EPOCH - 1,)).fetchone()[0]
    connection.execute("DELETE FROM audit WHERE seq >= ?", (3 * EPOCH,))
    connection.execute("DELETE FROM checkpoints WHERE epoch > 2")
    for table in ("work", "effects", "explanations"):
        tickets = "ticket" if table == "effects" else "ticket_id"
        connection.execute(f"DELETE FROM {table} WHERE {tickets} IN ('9', '10', '11', 'tail')")  # noqa: S608  # ours
    assert json.loads(whole)["ticket"] == "8"
    chain_anew(connection)


def test_entries_cut_off_under_a_checkpoint_are_missed(attacked: Callable[..., Verification]) -> None:
    def cut(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM audit WHERE seq >= 50")

    found = attacked(cut)
    assert found.first_bad == 50
    assert f"there are 50, and {TICKETS * PER_TICKET} were vouched for" in found.reason


def test_entries_cut_off_with_their_checkpoints_are_caught_by_an_anchor(
    log: Log, attacked: Callable[..., Verification]
) -> None:
    found = attacked(cut_off, *log.anchors)
    assert found.first_bad == 3 * EPOCH
    assert "cut off" in found.reason


def test_a_cut_after_the_last_checkpoint_shows_in_the_head(attacked: Callable[..., Verification]) -> None:
    found = attacked(
        lambda connection: connection.execute("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    )
    assert (found.ok, found.first_bad) == (False, None)
    assert "end is not where" in found.reason


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checkpoints SET size = size + 1 WHERE epoch = 1",
        "UPDATE checkpoints SET note = replace(note, 'epoch 1', 'epoch 7') WHERE epoch = 1",
        "UPDATE checkpoints SET note = x'00' WHERE epoch = 1",
        "DELETE FROM checkpoints WHERE epoch = 1",
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE epoch = 0) WHERE epoch = 1",
    ],
)
def test_a_tampered_checkpoint_is_found(attacked: Callable[..., Verification], statement: str) -> None:
    found = attacked(lambda connection: connection.execute(statement.replace("x'00'", "'00'")))
    assert found.first_bad == EPOCH
    assert "checkpoint 1" in found.reason


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE explanations SET document = replace(document, 'Marlow', 'Barlow') WHERE ticket_id = '4'",
        "UPDATE work SET attempts = 1 WHERE ticket_id = '4'",
        "DELETE FROM effects WHERE key = 'note-4'",
        "INSERT INTO identity_rules VALUES ('domain', 'attacker.example', '19', 'Marlow & Tern')",
    ],
)
def test_a_record_changed_past_the_log_is_found(attacked: Callable[..., Verification], statement: str) -> None:
    found = attacked(lambda connection: connection.execute(statement))
    assert "a record" in found.reason
    assert found.entries == ENTRIES


def test_a_record_put_back_to_an_earlier_state_is_found(attacked: Callable[..., Verification]) -> None:
    found = attacked(lambda connection: connection.execute("UPDATE work SET state = 'pending' WHERE ticket_id = '4'"))
    assert "a record" in found.reason


@pytest.mark.parametrize("column", ["size = size + 1", "chain = x'00'", "frontier = x'00'", "state = x'00'", "id = 7"])
def test_a_tampered_head_is_found(attacked: Callable[..., Verification], column: str) -> None:
    assert "the log's end" in attacked(lambda connection: connection.execute(f"UPDATE audit_head SET {column}")).reason  # noqa: S608  # ours


def test_the_columns_entries_are_found_by_cannot_be_altered(log: Log, tmp_path: Path) -> None:
    with sqlite3.connect(log.copy(tmp_path)) as connection, pytest.raises(sqlite3.OperationalError, match="generated"):
        connection.execute("UPDATE audit SET ticket = '9'")
    connection.close()


def test_the_columns_entries_are_found_by_cannot_be_computed_otherwise(attacked: Callable[..., Verification]) -> None:
    def lie(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'json_extract(entry, ''$.ticket'')', '''7''')")

    assert "a table, an index or a trigger" in attacked(lie).reason


def test_an_index_that_hides_an_entry_is_found(attacked: Callable[..., Verification]) -> None:
    """Swap two tables' worth of index: entries of one ticket would be looked for where another's are."""

    def mislead(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA writable_schema = ON")
        roots = dict(
            connection.execute("SELECT name, rootpage FROM sqlite_master WHERE name LIKE 'audit_by_%'").fetchall()
        )
        for name, other in (("audit_by_ticket", "audit_by_tenant"), ("audit_by_tenant", "audit_by_ticket")):
            connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", (roots[other], name))

    assert "damaged elsewhere" in attacked(mislead).reason


def test_a_missing_trigger_is_found(log: Log, tmp_path: Path) -> None:
    file = log.copy(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TRIGGER audit_no_delete")
    connection.close()
    assert "a table, an index or a trigger" in verify(url_of(file)).reason


def test_a_whole_log_put_in_place_of_ours_is_found(log: Log, tmp_path: Path) -> None:
    file = log.copy(tmp_path)
    trust = KeyFiles(file).trust()
    (tmp_path / "theirs").mkdir()
    theirs = Log(tmp_path / "theirs")
    shutil.copy(theirs.file, file)
    assert "does not say that it is" in verify(url_of(file)).reason
    shutil.copy(f"{theirs.file}.trust", f"{file}.trust")
    assert verify(url_of(file)).ok
    assert not verify(url_of(file), trust=trust).ok


def test_a_key_noted_elsewhere_is_enough(log: Log, tmp_path: Path) -> None:
    file = log.copy(tmp_path)
    trust = KeyFiles(file).trust()
    assert trust is not None
    Path(f"{file}.trust").unlink()
    assert "--key" in verify(url_of(file)).reason
    assert verify(url_of(file), trust=Trust(trust.origin, {0: trust.keys[0]})).ok
    assert verify(url_of(file), trust=Trust(trust.origin, {0: bytes(32)})).first_bad == 0


def test_a_missing_store_is_told(tmp_path: Path) -> None:
    assert "no record store" in verify(url_of(tmp_path / "records.db"), trust=Trust("desk", {})).reason


def test_a_repair_that_was_explained_is_vouched_for_again(log: Log, tmp_path: Path) -> None:
    file = log.copy(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE work SET attempts = 0, state = 'pending' WHERE ticket_id = '4'")
    connection.close()
    assert not verify(url_of(file)).ok
    records = Records.open(url_of(file), clock=utc_now)
    with records.transaction("an operator") as transaction:
        accept_records(transaction, "ticket 4 was stuck")
    assert records.audit_entries(newest=1)[0].detail["reason"] == "ticket 4 was stuck"
    records.close()
    assert verify(url_of(file)).ok


def test_an_anchor_file_is_read_and_its_mistakes_are_named(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "anchors.txt"
    path.write_text("# noted on paper\n\n" + "\n".join(anchor.line() for anchor in log.anchors) + "\n")
    assert list(read_anchors(path)) == log.anchors
    path.write_text(f"{log.anchors[0].line()}\n12 notaroot\n")
    with pytest.raises(AnchorError, match=r"anchors\.txt, line 2: expected"):
        read_anchors(path)
    with pytest.raises(AnchorError, match="cannot be read"):
        read_anchors(tmp_path / "nowhere")


def test_an_export_is_the_very_bytes_that_were_hashed(log: Log, tmp_path: Path) -> None:
    records = Records.open(url_of(log.copy(tmp_path)), clock=utc_now)
    everything, of_ticket, of_tenant = io.StringIO(), io.StringIO(), io.StringIO()
    with records.reading() as connection:
        assert export(connection, everything) == ENTRIES
        assert export(connection, of_ticket, ticket="4") == PER_TICKET
        assert export(connection, of_tenant, tenant="19", ticket="4") == PER_TICKET - 1
    records.close()
    frontier = Frontier()
    for line in everything.getvalue().splitlines()[: log.anchors[0].size]:
        frontier.append(leaf_hash(line.encode()))
    assert frontier.root() == log.anchors[0].root
    assert {json.loads(line)["ticket"] for line in of_ticket.getvalue().splitlines()} == {"4"}
