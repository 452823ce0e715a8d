import random
from collections.abc import Mapping

import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError

from deskhand.records import switches
from deskhand.records.confined import ConfinedRecords
from deskhand.records.database import Records
from deskhand.records.rows import Value
from deskhand.records.schema import audit_head, work
from deskhand.records.state import State
from deskhand.records.switches import Level
from deskhand.records.transaction import Transaction

Key = tuple[str, str]
Model = dict[Key, dict[str, Value]]
CHANGES = 400
FRESH: Mapping[str, Value] = {"version": "1", "state": "pending", "attempts": 0, "place": 0}


def key_of(key: Key) -> dict[str, Value]:
    return dict(zip(("connector", "ticket_id"), key, strict=True))


def change(chance: random.Random, transaction: Transaction, model: Model) -> None:
    """Change a row, or try to, in the store and in the model of it; look at both."""
    key = (chance.choice("ab"), chance.choice(("1", "2", "ü", "\N{WAVING HAND SIGN}")))
    row = model.get(key)
    assert transaction.find(work, key_of(key)) == row
    if row is None:
        transaction.insert(work, {**key_of(key), **FRESH})
        model[key] = {**key_of(key), **FRESH, "not_before": None}
    elif chance.random() < 0.3:
        transaction.delete(work, key_of(key))
        del model[key]
    else:
        values: dict[str, Value] = {"attempts": chance.randrange(3), "not_before": chance.choice((None, "soon"))}
        transaction.update(work, key_of(key), values)
        row |= values
    assert transaction.find(work, key_of(key)) == model.get(key)


def stored(records: Records) -> Model:
    """Read the rows the other way: by a statement of SQLAlchemy's."""
    with records.reading() as connection:
        rows = [dict(row) for row in connection.execute(select(work)).mappings()]
    return {(row["connector"], row["ticket_id"]): row for row in rows}


def test_a_transaction_sees_its_own_changes_and_leaves_them_behind(records: Records) -> None:
    chance, model = random.Random(5), Model()
    for _ in range(CHANGES // 10):
        with records.transaction("desk") as transaction:
            for _ in range(10):
                change(chance, transaction, model)
            transaction.audit("changed")
        assert stored(records) == model
    assert {key: records.find(work, key_of(key)) for key in model} == model
    assert records.find(work, key_of(("c", "1"))) is None
    with records.reading() as connection:
        state = State.of(connection)
        assert connection.execute(select(audit_head.c.state)).scalar_one() == state.stored()


def test_what_a_transaction_hands_out_is_a_copy(records: Records) -> None:
    with records.transaction("desk") as transaction:
        transaction.insert(work, {**key_of(("a", "1")), **FRESH})
        found = transaction.find(work, key_of(("a", "1"))) or {}
        found["attempts"] = 7
        assert (transaction.find(work, key_of(("a", "1"))) or {})["attempts"] == 0
        transaction.audit("changed")


def test_a_row_that_gets_another_key_is_found_under_that_alone(records: Records) -> None:
    with records.transaction("desk") as transaction:
        transaction.insert(work, {**key_of(("a", "1")), **FRESH})
        transaction.update(work, key_of(("a", "1")), {"ticket_id": "2"})
        assert transaction.find(work, key_of(("a", "1"))) is None
        assert transaction.find(work, key_of(("a", "2"))) is not None
        transaction.audit("changed")
    assert list(stored(records)) == [("a", "2")]


def test_a_taken_key_is_refused_as_sqlalchemy_refuses_it(records: Records) -> None:
    with records.transaction("desk") as transaction:
        transaction.insert(work, {**key_of(("a", "1")), **FRESH})
        transaction.audit("changed")
    with pytest.raises(IntegrityError), records.transaction("desk") as transaction:
        transaction.insert(work, {**key_of(("a", "1")), **FRESH})
    assert list(stored(records)) == [("a", "1")]


PENDING = select(func.coalesce(func.max(work.c.attempts), -1)).where(work.c.connector == bindparam("connector"))


def test_a_query_that_was_made_once_answers_for_any_values(records: Records) -> None:
    with records.transaction("desk") as transaction:
        transaction.insert(work, {**key_of(("a", "1")), **FRESH, "attempts": 4})
        transaction.audit("changed")
    assert [records.ask(PENDING, {"connector": name}) for name in "ab"] == [[(4,)], [(-1,)]]
    assert records.ask(select(work.c.ticket_id)) == [("1",)]


def test_what_an_account_for_some_clients_asks_finds_no_rows_of_others(records: Records) -> None:
    with records.transaction("desk") as transaction:
        for client in ("7", "8"):
            switches.throw(transaction, Level.TENANT, client, by="ann", reason="a test")
    confined = ConfinedRecords(records, frozenset({"7"}))
    assert [each.subject for each in switches.thrown(records)] == ["7", "8"]
    assert [each.subject for each in switches.thrown(confined)] == ["7"]


@pytest.mark.parametrize("key", [{"connector": "a"}, {"connector": "a", "ticket_id": "1", "state": "pending"}])
def test_a_row_is_found_by_its_whole_key_and_nothing_else(records: Records, key: dict[str, Value]) -> None:
    with records.transaction("desk") as transaction, pytest.raises(ValueError, match="not the primary key"):
        transaction.find(work, key)
