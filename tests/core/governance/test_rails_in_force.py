"""Whoever swaps the guard rails of an installed desk leaves a trace on its signed record."""

from pathlib import Path

import pytest

from deskhand.governance import rails_in_force
from deskhand.governance.permission import PINNED, Rules, guard_rails
from deskhand.governance.rails_in_force import note_guard_rails
from deskhand.records.database import Records, url_of
from deskhand.sdk.clock import utc_now


def entries(records: Records) -> list[tuple[str, object, object]]:
    return [
        (each.actor, each.detail["before"], each.detail["sha256"])
        for each in records.audit_entries()
        if each.kind == "guard_rails.in_force"
    ]


def test_the_rules_in_force_are_noted_once_and_again_when_they_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, rules = url_of(tmp_path / "records.db"), guard_rails()

    class Others(Rules):
        def __init__(self) -> None:
            self.sha256 = "0" * 64

    def started() -> list[tuple[str, object, object]]:
        records = Records.open(url, clock=utc_now)
        note_guard_rails(records)
        found = entries(records)
        records.close()
        return found

    assert started() == [("desk", "", PINNED)]
    assert started() == [("desk", "", PINNED)], "nothing is new"
    monkeypatch.setattr(rails_in_force, "guard_rails", Others)
    assert started() == [("desk", "", PINNED), ("desk", PINNED, "0" * 64)]
    monkeypatch.setattr(rails_in_force, "guard_rails", lambda: rules)
    assert started()[-1] == ("desk", "0" * 64, PINNED), "the way back is noted too"
