import threading
from datetime import timedelta

import pytest

from deskhand.governance.caps import Caps
from deskhand.governance.rates import last_hour, rates_in
from deskhand.governance.request import Rates
from deskhand.records import effects, places
from deskhand.records.audit.recent import entries_since
from deskhand.records.database import Records
from tests.core.governance.conftest import HeldClock

RESET = "identity_entra.reset_password"


def begin(records: Records, number: int, *, tenant: str = "19", automation: str = "", by: str = "ann") -> None:
    with records.transaction("gate") as transaction:
        places.take(transaction, f"r-{number}", tenant=tenant, automation=automation, requested_by=by)
        transaction.audit("policy.decided")


def claim(records: Records, number: int, *, tenant: str = "19", action: str = RESET) -> None:
    with records.transaction("gate") as transaction:
        effects.claim(
            transaction, f"k-{number}", action=action, tenant=tenant, ticket="100", arguments_sha256="ab" * 32
        )


def test_an_hours_work_is_counted_for_client_automation_action_and_all(
    records_on_both: Records, clock: HeldClock
) -> None:
    records = records_on_both
    for number in range(5):
        begin(records, number, automation="unlock" if number % 2 else "")
    begin(records, 9, tenant="20", automation="unlock", by="automation:unlock")
    for number in range(3):
        claim(records, number)
    claim(records, 7, tenant="20")
    claim(records, 8, action="identity_entra.revoke_sessions")
    asked = last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET)
    assert asked == Rates(at_tenant=5, of_automation=2, of_action=3, everywhere=6, by_automations=1)
    assert last_hour(records, now=clock(), tenant="19") == Rates(at_tenant=5, everywhere=6, by_automations=1)
    nowhere = last_hour(records, now=clock(), tenant="21", automation="unlock", action=RESET)
    assert nowhere == Rates(everywhere=6, by_automations=1)


def test_a_run_that_has_its_place_keeps_it_whatever_begins_after(records: Records, clock: HeldClock) -> None:
    begin(records, 1)
    clock.pass_(minutes=30)
    begin(records, 2)
    clock.pass_(minutes=45)
    for number in range(3, 9):
        begin(records, number)
    assert last_hour(records, now=clock(), tenant="19", run_id="r-2").at_tenant == 1
    assert last_hour(records, now=clock(), tenant="19", run_id="r-1").at_tenant == 0
    assert last_hour(records, now=clock(), tenant="19", run_id="r-new").at_tenant == 7
    begin(records, 1)
    assert last_hour(records, now=clock(), tenant="19", run_id="r-1").at_tenant == 0


def test_what_is_an_hour_old_no_longer_counts(records: Records, clock: HeldClock) -> None:
    begin(records, 1, automation="unlock", by="automation:unlock")
    claim(records, 1)
    clock.pass_(seconds=3_599)
    assert last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET) == Rates(
        at_tenant=1, of_automation=1, of_action=1, everywhere=1, by_automations=1
    )
    clock.pass_(seconds=2)
    assert last_hour(records, now=clock(), tenant="19", automation="unlock", action=RESET) == Rates()


def test_racing_for_the_last_places_nobody_takes_one_too_many(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Twelve threads over two stores of one database, as a desk and a hand, count and take in their transactions."""
    clock, folder = HeldClock(), tmp_path_factory.mktemp("keys")
    stores = [Records.open(database_url, clock=clock, signing=folder / "keys") for _ in range(2)]
    taken: list[int] = []

    def race(number: int) -> None:
        for attempt in range(3):
            with stores[number % 2].transaction("gate") as transaction:
                found = rates_in(transaction.connection, now=clock(), tenant="19")
                if found.at_tenant < 7:
                    run_id = f"r-{number}-{attempt}"
                    places.take(transaction, run_id, tenant="19", automation="", requested_by="ann")
                    taken.append(number)
                transaction.audit("policy.decided")

    threads = [threading.Thread(target=race, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(taken) == 7
    assert last_hour(stores[0], now=clock(), tenant="19").at_tenant == 7
    for store in stores:
        store.close()


def test_settings_only_lower_what_the_guard_rails_allow() -> None:
    for name in Caps.model_fields:
        limit = getattr(Caps(), name)
        Caps(**{name: limit - 1})
        with pytest.raises(ValueError, match="less than or equal"):
            Caps(**{name: limit + 1})


def test_looking_back_finds_everything_however_much_lies_between(records: Records, clock: HeldClock) -> None:
    since = clock()
    with records.transaction("test") as transaction:
        for number in range(1_203):
            transaction.audit("marked" if number % 100 == 0 else "other", tenant="19", detail={"kind": "marked"})
    with records.reading() as connection:
        found = [entry.seq for entry in entries_since(connection, since, kind="marked", tenant="19")]
        assert len(found) == 13
        assert found == sorted(found, reverse=True)
        assert list(entries_since(connection, since + timedelta(seconds=1), kind="marked")) == []
        assert list(entries_since(connection, since, kind="marked", tenant="20")) == []
