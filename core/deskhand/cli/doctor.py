"""`deskhand doctor`: find what would keep the desk from working, and name the fix."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import click

from deskhand.cli.answers import config_option, console, explaining_errors, fail, inert, json_option, print_json
from deskhand.cli.exit_codes import ExitCode
from deskhand.cli.stores import opened_records
from deskhand.configuration.loading import connector_settings, load
from deskhand.configuration.problems import InvalidConfigurationError
from deskhand.configuration.schema import Configuration
from deskhand.desk.connections import Connections
from deskhand.desk.hands import hands, told_of
from deskhand.desk.leaks import leaks_on_server, scanner_of
from deskhand.desk.policies import Policies
from deskhand.desk.reviewing import Reviewing
from deskhand.desk.stores import (
    are_records_made,
    hands_folder,
    is_of_a_hand,
    mirror_file,
    open_mirror,
    open_records,
    records_location,
    verify_records,
)
from deskhand.governance.leaks.files import leaks_in
from deskhand.governance.permission import PolicyDefectError, guard_rails
from deskhand.governance.traffic.control import Controls
from deskhand.identity.clients import Clients
from deskhand.identity.facts import MirrorFacts
from deskhand.llm import runtime
from deskhand.llm.selection import open_engine
from deskhand.mirror.database import MirrorUnavailableError
from deskhand.mirror.mirror import Mirror
from deskhand.records import automations, circuits
from deskhand.records.automations import AutomationState
from deskhand.records.database import RecordsUnavailableError
from deskhand.registry import Registry
from deskhand.sdk.clock import utc_now
from deskhand.sdk.errors import ConfigurationError, ConnectorError
from deskhand.sdk.roles import TicketSystem

Look: TypeAlias = Callable[[Configuration], Iterator["Finding"]]

LEAST_FREE_BYTES = 500_000_000
_MISTAKES = (InvalidConfigurationError, ConfigurationError)
MOST_AHEAD = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``is_well`` is None where it is a remark, not a fault."""

    name: str
    is_well: bool | None
    detail: str


@click.command(name="doctor", help="Find what would keep the desk from working.")
@config_option
@json_option
@click.option("--offline", is_flag=True, help="Contact nobody.")
@click.option("--leaks", is_flag=True, help="Only look for secrets in everything the state folder holds.")
@explaining_errors
def command(config_path: Path, *, as_json: bool, offline: bool, leaks: bool) -> None:
    """Look at everything the desk needs; exit 1 where something is wrong."""
    configuration = load(config_path)
    looks = [_leaks] if leaks else _looks(configuration, offline=offline)
    findings = [each for look in looks for each in look(configuration)]
    if as_json:
        print_json([{"name": each.name, "ok": each.is_well, "detail": each.detail} for each in findings])
    else:
        for each in findings:
            sign, tone = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "yellow")}[each.is_well]
            console().print(f"[{tone}]{sign}[/] [bold]{inert(each.name):<14}[/] {inert(each.detail)}", soft_wrap=True)
    wrong = [each.name for each in findings if each.is_well is False]
    if wrong:
        fail(ExitCode.FAILED, f"{len(wrong)} of {len(findings)} checks failed: {', '.join(wrong)}")


def _looks(configuration: Configuration, *, offline: bool) -> list[Look]:
    if is_of_a_hand(configuration):
        ours: list[Look] = [_hands_machine, _rails, _plugins, _disk, _joined_records, _hands, _calls]
        return ours if offline else [*ours, _vendors]
    looks: list[Look] = [_rails, _plugins, _identity, _disk, _records, _hands, _calls, _mirror, _maintenance, _engine]
    return looks if offline else [*looks, _vendors]


def _plugins(configuration: Configuration) -> Iterator[Finding]:
    registry = Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned)
    findings = [_plugin(configuration, registry, name) for name in configuration.connectors]
    yield from findings
    if all(each.is_well for each in findings):
        try:
            Connections.open(configuration).close()
        except _MISTAKES as error:
            yield Finding("connectors", is_well=False, detail=str(error))


def _rails(_configuration: Configuration) -> Iterator[Finding]:
    try:
        rails = guard_rails()
    except PolicyDefectError as error:
        yield Finding("guard rails", is_well=False, detail=str(error))
        return
    yield Finding("guard rails", is_well=True, detail=f"{len(rails.rules)} rules, as shipped ({rails.sha256[:12]}…)")


def _plugin(configuration: Configuration, registry: Registry, name: str) -> Finding:
    try:
        connector_settings(configuration, registry, name)
    except InvalidConfigurationError as error:
        return Finding(name, is_well=False, detail=str(error))
    return Finding(name, is_well=True, detail=f"admitted, version {registry.plugins[name].version}")


def _disk(configuration: Configuration) -> Iterator[Finding]:
    try:
        configuration.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(configuration.state).free
    except OSError as error:
        yield Finding(
            "state folder", is_well=False, detail=f"{configuration.state}: {error.strerror}; check [desk] state"
        )
        return
    detail = f"{configuration.state}, {free / 1e9:.1f} GB free"
    yield Finding("state folder", is_well=free > LEAST_FREE_BYTES, detail=detail)


def _records(configuration: Configuration) -> Iterator[Finding]:
    try:
        if not are_records_made(configuration):
            yield Finding("records", is_well=None, detail="not there yet; `deskhand run` makes them")
            return
        open_records(configuration).close()
    except RecordsUnavailableError as error:
        yield Finding("records", is_well=False, detail=str(error))
        return
    result = verify_records(configuration)
    detail = f"{result.entries} audit entries, whole" if result.ok else result.reason
    yield Finding("records", is_well=result.ok, detail=detail)


def _hands_machine(configuration: Configuration) -> Iterator[Finding]:
    """Say that no desk works here, and where the rest is looked at."""
    names = ", ".join(sorted(each.name for each in hands_folder(configuration).iterdir()))
    detail = f"a hand's ({names}): the record's signatures, mirror, model and automations are looked at at the desk's"
    yield Finding("this machine", is_well=None, detail=f"{detail}; run `deskhand doctor` there as well")


def _joined_records(configuration: Configuration) -> Iterator[Finding]:
    """Open the record store as a hand does, whose entries the desk signs."""
    try:
        opened_records(configuration).close()
    except RecordsUnavailableError as error:
        yield Finding("records", is_well=False, detail=str(error))
        return
    detail = f"{records_location(configuration)} answers; `deskhand audit verify` is for where the desk runs"
    yield Finding("records", is_well=True, detail=detail)


def _calls(configuration: Configuration) -> Iterator[Finding]:
    """Tell how many calls each vendor had in the last hour, and where calls have stopped."""
    if not are_records_made(configuration):
        return
    controls = Controls(configuration.limits, utc_now)
    try:
        with Connections.open(configuration, controls), closing(opened_records(configuration)) as records:
            controls.keep_in(records)
            for name, control in controls.all.items():
                yield Finding(f"{name} calls", is_well=not control.is_spent, detail=control.told)
            for circuit in circuits.opened(records):
                yield Finding(f"{circuit.connector} circuit", is_well=False, detail=circuit.sentence)
    except (*_MISTAKES, RecordsUnavailableError):
        return  # told above


def _hands(configuration: Configuration) -> Iterator[Finding]:
    """Tell of each hand, and of one that died or runs another deskhand than this one."""
    try:
        if not configuration.records.url or not are_records_made(configuration):
            return
        with closing(opened_records(configuration)) as records:
            found = hands(records)
    except RecordsUnavailableError:
        return  # told above
    for each in found:
        is_same = each.executor.version == version("deskhand")
        detail = f"{each.executor} {told_of(each)}"
        if not is_same:
            detail += f"; it runs deskhand {each.executor.version}, the desk {version('deskhand')}: upgrade one of them"
        yield Finding(f"hand {each.executor.name}", is_well=each.is_living and is_same, detail=detail)


def _leaks(configuration: Configuration) -> Iterator[Finding]:
    """Look for every secret the configuration knows in what the desk has written."""
    scanner = scanner_of(configuration, Registry.discover(configuration.enabled_plugins, configuration.plugins.pinned))
    found = [*leaks_in(configuration.state, scanner), *leaks_on_server(configuration, scanner)]
    for leak in found:
        yield Finding(
            "leak", is_well=False, detail=f"{leak.where} holds {leak.secret}: change that secret, find out how"
        )
    if scanner.too_short:
        detail = f"too short to be looked for: {', '.join(scanner.too_short)}"
        yield Finding("leaks", is_well=None, detail=detail)
    if not found:
        yield Finding("leaks", is_well=True, detail=f"no secret in {configuration.state}")


def _mirror(configuration: Configuration) -> Iterator[Finding]:
    if not mirror_file(configuration).exists():
        yield Finding("mirror", is_well=None, detail="not there yet; `deskhand run` makes it")
        return
    try:
        mirror = open_mirror(configuration)
    except MirrorUnavailableError as error:
        yield Finding("mirror", is_well=False, detail=str(error))
        return
    with closing(mirror):
        counted = ", ".join(f"{count:,} {name}" for name, count in mirror.counts().items())
        yield Finding("mirror", is_well=True, detail=counted)
        yield from _clients(configuration, mirror)


def _maintenance(configuration: Configuration) -> Iterator[Finding]:
    """Remark on automations that are paused, and on decisions that are no longer what they were."""
    if not mirror_file(configuration).exists() or not are_records_made(configuration):
        return
    try:
        with closing(open_records(configuration)) as records, closing(open_mirror(configuration)) as mirror:
            policies = Policies(configuration.policy, configuration.clients, mirror)
            drifts = Reviewing(records, mirror, policies, utc_now).drift()
            paused = [each for each in automations.listing(records) if each.state is AutomationState.PAUSED]
    except (RecordsUnavailableError, MirrorUnavailableError):
        return  # told above
    for each in paused:
        yield Finding(
            each.name, is_well=None, detail=f"paused: {each.reason}; `deskhand automation report {each.name}`"
        )
    for drift in drifts:
        if drift.is_drifting:
            yield Finding("drift", is_well=None, detail=f"{drift.name}: {drift.text}; look at `deskhand review list`")


def _identity(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.identity.own_domains:
        detail = "[identity] own_domains is empty: mail from your own staff is taken for a client's; list your domains"
        yield Finding("own domains", is_well=False, detail=detail)


def _clients(configuration: Configuration, mirror: Mirror) -> Iterator[Finding]:
    """Look whether the PSA has the clients the configuration names; before it was read nobody can tell."""
    if not mirror.companies():
        return
    strangers = Policies(configuration.policy, configuration.clients, mirror).unmatched()
    if strangers:
        detail = f"[clients]: the PSA has no company {', '.join(strangers)}; use its id or its identifier"
        yield Finding("clients", is_well=False, detail=detail)
    try:
        records = open_records(configuration)
    except RecordsUnavailableError:
        return  # told above
    with closing(records):
        name = configuration.desk.ticket_system
        unmatched = Clients(MirrorFacts(mirror, records, configuration.identity, connector=name)).unmatched
    if unmatched:
        detail = f"[identity] verified_domains: {', '.join(unmatched)} names no single company; it counts for nobody"
        yield Finding("domains", is_well=False, detail=detail)


def _engine(configuration: Configuration) -> Iterator[Finding]:
    engine = open_engine(configuration.engine)
    try:
        health, identity = engine.health(), engine.identity()
    finally:
        engine.close()
    if health.is_ready:
        yield Finding("model", is_well=True, detail=f"{identity}; {health.detail}".rstrip("; "))
        return
    wanted = configuration.engine.model is not None or runtime.status().state == "installed"
    is_fault = wanted and configuration.engine.kind != "none"
    yield Finding("model", is_well=False if is_fault else None, detail=f"{health.detail}. Triage works without one.")


def _vendors(configuration: Configuration) -> Iterator[Finding]:
    try:
        connections = Connections.open(configuration)
    except _MISTAKES:
        return  # told above
    with connections:
        for name, connector in connections.connectors.items():
            try:
                yield Finding(f"{name} answers", is_well=True, detail=connector.check())
            except ConnectorError as error:
                yield Finding(f"{name} answers", is_well=False, detail=str(error))
        yield from _clock(connections.ticket_system)


def _clock(system: TicketSystem) -> Iterator[Finding]:
    """Look whether the PSA dates changes later than now: its clock and this machine's then disagree."""
    now = utc_now()
    try:
        ahead = [ticket.updated_at for ticket in system.tickets_since(now + MOST_AHEAD).tickets]
    except ConnectorError:
        return  # told above
    if ahead:
        minutes = (max(ahead) - now).total_seconds() / 60
        detail = f"the PSA dates a change {minutes:.0f} min ahead of this machine's clock: check both clocks"
        yield Finding("clock", is_well=False, detail=detail)
