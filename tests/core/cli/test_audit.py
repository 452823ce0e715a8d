import json
import sqlite3
from pathlib import Path

import pytest

from deskhand.cli.exit_codes import ExitCode
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now
from deskhand_psa_connectwise.simulator import PRIVATE_KEY
from tests.core.cli.conftest import Run, Shop


def change_entry(file: Path, seq: int) -> None:
    """Change one word of an entry, as somebody with the file in an editor would."""
    connection = sqlite3.connect(file)
    (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_no_update'").fetchone()
    connection.execute("DROP TRIGGER audit_no_update")
    changed = connection.execute(
        "UPDATE audit SET entry = replace(entry, '\"seq\":', '\"seq\" :') WHERE seq = ?", (seq,)
    ).rowcount
    assert changed == 1
    connection.execute(trigger)
    connection.commit()
    connection.close()


def test_a_whole_record_is_proved_and_tells_what_to_note_elsewhere(run: Run, shop: Shop) -> None:
    result = run("audit", "verify", "-c", shop.file)
    assert result.exit_code == ExitCode.OK
    assert "whole: no entry was changed" in result.stdout
    assert result.stderr == "", "the bar is for terminals"
    document = json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)
    assert document["ok"]
    assert document["entries"] > 10
    assert document["covered"] == document["entries"], "an orderly end signs everything"
    assert document["anchor"] in result.stdout
    assert document["key"] in result.stdout


@pytest.mark.parametrize("seq", [0, 5])
def test_a_changed_entry_is_named(run: Run, shop: Shop, seq: int) -> None:
    change_entry(shop.records, seq)
    result = run("audit", "verify", "-c", shop.file)
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert f"first bad entry: {seq}" in result.stderr
    answer = run("audit", "verify", "-c", shop.file, "--json")
    assert answer.exit_code == ExitCode.FAILED
    document = json.loads(answer.stdout)
    assert (document["ok"], document["first_bad"]) == (False, seq)


def test_a_row_changed_behind_the_logs_back_is_found(run: Run, shop: Shop) -> None:
    connection = sqlite3.connect(shop.records)
    connection.execute("UPDATE explanations SET outcome = 'left alone' WHERE ticket_id = ?", (shop.triaged,))
    connection.commit()
    connection.close()
    result = run("audit", "verify", "-c", shop.file)
    assert result.exit_code == ExitCode.FAILED
    assert "no single entry is to blame" in result.stderr


def test_a_log_that_was_cut_short_is_caught_by_what_was_noted_before(run: Run, shop: Shop, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors"
    anchors.write_text(json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)["anchor"] + "\n")
    assert run("audit", "verify", "-c", shop.file, "--anchors", anchors).exit_code == ExitCode.OK
    anchors.write_text("nonsense\n")
    assert run("audit", "verify", "-c", shop.file, "--anchors", anchors).exit_code == ExitCode.USAGE
    anchors.write_text(f"999999 {'A' * 43}=\n")
    assert run("audit", "verify", "-c", shop.file, "--anchors", anchors).exit_code != ExitCode.OK


def test_the_key_that_was_noted_elsewhere_is_taken_instead_of_ours(run: Run, shop: Shop) -> None:
    key = json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)["key"]
    assert run("audit", "verify", "-c", shop.file, "--key", key).exit_code == ExitCode.OK
    assert run("audit", "verify", "-c", shop.file, "--key", "nonsense").exit_code == ExitCode.USAGE


def test_show_tells_why_and_lists_what_happened(run: Run, shop: Shop) -> None:
    result = run("audit", "show", "-c", shop.file, "--ticket", shop.triaged)
    assert result.exit_code == ExitCode.OK
    assert f"Ticket {shop.triaged}: triaged" in result.stdout
    assert "The ticket belongs to Marlow & Tern." in result.stdout
    assert "effect.done" in result.stdout
    document = json.loads(run("audit", "show", "-c", shop.file, "--ticket", shop.triaged, "--json").stdout)
    assert document["why"]["outcome"] == "triaged"
    assert document["entries"][0]["kind"] == "work.enqueued"
    assert {each["ticket"] for each in document["entries"]} == {shop.triaged}


def test_show_tells_also_why_nothing_happened(run: Run, shop: Shop) -> None:
    assert "policy for Babbage Ltd is off" in run("audit", "show", "-c", shop.file, "--ticket", shop.left_alone).stdout
    assert "quarantined" in run("audit", "show", "-c", shop.file, "--ticket", shop.held).stdout


@pytest.mark.parametrize("number", ["4711", " ", "[bold]", "'; drop table audit"])
def test_a_ticket_that_is_not_on_the_record_is_told(run: Run, shop: Shop, number: str) -> None:
    result = run("audit", "show", "-c", shop.file, "--ticket", number)
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert f"ticket {number} is not on the record" in result.stderr
    assert "deskhand db status" in result.stderr


def test_export_is_what_was_hashed_byte_for_byte(run: Run, shop: Shop) -> None:
    connection = sqlite3.connect(shop.records)
    stored = [entry for (entry,) in connection.execute("SELECT entry FROM audit ORDER BY seq")]
    connection.close()
    result = run("audit", "export", "-c", shop.file)
    assert result.stdout_bytes == "".join(f"{entry}\n" for entry in stored).encode()


def test_export_can_be_limited_to_a_ticket_or_a_client(run: Run, shop: Shop) -> None:
    lines = run("audit", "export", "-c", shop.file, "--ticket", shop.triaged).stdout.splitlines()
    assert {json.loads(line)["ticket"] for line in lines} == {shop.triaged}
    lines = run("audit", "export", "-c", shop.file, "--tenant", shop.marlow).stdout.splitlines()
    assert {json.loads(line)["tenant"] for line in lines} == {shop.marlow}
    assert run("audit", "export", "-c", shop.file, "--ticket", "4711").stdout == ""


def test_an_export_may_go_to_a_file_and_then_tells_how_much_it_is(run: Run, shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "entries.jsonl"
    document = json.loads(run("audit", "export", "-c", shop.file, "--out", out, "--json").stdout)
    assert document == {"file": str(out), "entries": len(out.read_text().splitlines())}
    assert out.read_bytes() == run("audit", "export", "-c", shop.file).stdout_bytes
    assert f"{document['entries']} entries" in run("audit", "export", "-c", shop.file, "--out", out).stdout
    nowhere = run("audit", "export", "-c", shop.file, "--out", tmp_path / "nowhere" / "x")
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (ExitCode.UNAVAILABLE, True)


def leak(shop: Shop) -> None:
    """Have an entry from before anything was scanned hold the PSA's private key."""
    records = Records.open(url_of(shop.records), clock=utc_now)
    with records.transaction("of old") as transaction:
        transaction.audit("typed", tenant=shop.marlow, ticket=shop.triaged, detail={"words": f"it is {PRIVATE_KEY}"})
    records.close()


def test_no_entry_with_a_secret_leaves_before_that_secret_is_changed(run: Run, shop: Shop, tmp_path: Path) -> None:
    leak(shop)
    out = tmp_path / "out"
    for arguments in (("export",), ("export", "--ticket", shop.triaged), ("prove", "--tenant", shop.marlow)):
        refused = run("audit", *arguments, "-c", shop.file, "--out", out)
        assert refused.exit_code == ExitCode.FAILED, arguments
        assert "psa_connectwise.private_key" in refused.stderr
        assert "change that secret" in refused.stderr
        assert PRIVATE_KEY not in refused.output
        assert not out.exists()
    assert run("audit", "export", "-c", shop.file, "--ticket", shop.held).exit_code == ExitCode.OK
    assert PRIVATE_KEY in run("audit", "export", "-c", shop.file, "--unscanned").stdout
    shop.file.write_text(shop.file.read_text().replace(PRIVATE_KEY, "another-private-key"))
    assert run("audit", "prove", "-c", shop.file, "--tenant", shop.marlow, "--out", out).exit_code == ExitCode.OK


def test_what_a_command_puts_on_the_record_holds_no_secret_either(run: Run, shop: Shop) -> None:
    assert run("audit", "accept", "-c", shop.file, "--reason", f"set {PRIVATE_KEY}").exit_code == ExitCode.OK
    exported = run("audit", "export", "-c", shop.file).stdout
    assert "set [connectors.psa_connectwise.private_key]" in exported


def test_records_that_are_no_database_are_told_with_what_mends_them(run: Run, shop: Shop) -> None:
    shop.records.write_bytes(b"nothing" * 1000)
    for arguments in (("verify",), ("show", "--ticket", "1"), ("export",)):
        result = run("audit", *arguments, "-c", shop.file)
        assert result.exit_code in {ExitCode.UNAVAILABLE, ExitCode.FAILED}, arguments
        assert str(shop.records) in result.stderr
        assert result.stdout == ""


def test_a_lost_key_is_renewed_only_when_asked_twice_and_put_on_the_record(run: Run, shop: Shop) -> None:
    for key in shop.records.parent.glob("records.db*key*"):
        key.unlink()
    refused = run("audit", "renew", "-c", shop.file, answer="n\n")
    assert refused.exit_code == ExitCode.FAILED
    assert "nothing was done" in refused.stderr
    renewed = run("audit", "renew", "-c", shop.file, answer="y\n")
    assert renewed.exit_code == ExitCode.OK
    assert "New key: " in renewed.stdout


def test_records_changed_by_hand_can_be_accepted_and_that_is_on_the_record(run: Run, shop: Shop) -> None:
    connection = sqlite3.connect(shop.records)
    connection.execute("UPDATE work SET attempts = 1 WHERE ticket_id = ?", (shop.triaged,))
    connection.commit()
    connection.close()
    assert run("audit", "verify", "-c", shop.file).exit_code == ExitCode.FAILED
    assert run("audit", "accept", "-c", shop.file, "--reason", "mended by hand").exit_code == ExitCode.OK
    assert run("audit", "verify", "-c", shop.file).exit_code == ExitCode.OK
    assert "mended by hand" in run("audit", "export", "-c", shop.file).stdout


def test_a_clients_entries_are_proved_to_someone_who_has_nothing_but_the_key(
    run: Run, shop: Shop, tmp_path: Path
) -> None:
    key = json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)["key"]
    bundle = tmp_path / "marlow.json"
    assert run("audit", "prove", "-c", shop.file, "--tenant", shop.marlow, "--out", bundle).exit_code == ExitCode.OK
    nowhere = ("-c", tmp_path / "nowhere.toml")
    result = run("audit", "verify", *nowhere, "--bundle", bundle, "--trust", key)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert "every entry is in the signed log" in result.stdout
    trusted = tmp_path / "trust"
    trusted.write_text(f"# noted on paper\n{key}\n")
    document = json.loads(run("audit", "verify", *nowhere, "--bundle", bundle, "--trust", trusted, "--json").stdout)
    assert (document["ok"], document["tenant"]) == (True, shop.marlow)
    assert "Babbage" not in bundle.read_text()


def test_a_tickets_bundle_goes_to_standard_output(run: Run, shop: Shop) -> None:
    document = json.loads(run("audit", "prove", "-c", shop.file, "--ticket", shop.triaged).stdout)
    assert (document["tenant"], document["ticket"]) == (shop.marlow, shop.triaged)


def test_a_bundle_that_was_changed_is_told(run: Run, shop: Shop, tmp_path: Path) -> None:
    key = json.loads(run("audit", "verify", "-c", shop.file, "--json").stdout)["key"]
    bundle = tmp_path / "marlow.json"
    run("audit", "prove", "-c", shop.file, "--tenant", shop.marlow, "--out", bundle)
    bundle.write_text(bundle.read_text().replace("explanation.saved", "explanation.spared"))
    result = run("audit", "verify", "--bundle", bundle, "--trust", key)
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert "is not in the log that was signed" in result.stderr
    answer = run("audit", "verify", "--bundle", bundle, "--trust", key, "--json")
    assert json.loads(answer.stdout)["ok"] is False


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("prove",), "--tenant, --ticket, or both"),
        (("verify", "--bundle", __file__), "add --trust"),
        (("verify", "--bundle", __file__, "--trust", "nonsense"), "expected a line"),
        (("verify", "--bundle", __file__, "--trust", "a b c"), "expected a line"),
    ],
)
def test_what_is_missing_to_prove_or_check_is_said(run: Run, shop: Shop, arguments: tuple[str, ...], told: str) -> None:
    result = run("audit", *arguments, "-c", shop.file)
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert told in result.stderr


def test_a_client_without_entries_has_nothing_to_prove(run: Run, shop: Shop) -> None:
    result = run("audit", "prove", "-c", shop.file, "--tenant", "4711")
    assert (result.exit_code, result.stdout) == (ExitCode.FAILED, "")
    assert "no signed entry of this client" in result.stderr
