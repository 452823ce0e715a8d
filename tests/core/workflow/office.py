"""An office that keeps accounts in a file: small enough to count every effect, and it outlives whoever calls it.

Each effect is one line; what an account is like is what the lines come to. Nothing here is shared with a caller but the
file, so a caller may die anywhere.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import JsonValue, SecretStr

from deskhand.automation.flow import Flow
from deskhand.automation.plan import Argument, AutomationPin, Named, OnFailure, Plan, PlannedStep, SourceKind
from deskhand.sdk import sending
from deskhand.sdk.actions import Action, AnyAction, Arguments, Change, Effect, Inspection, Receipt, Tier
from deskhand.sdk.errors import ConnectorError, RejectedError

NAME = "office_file"
TENANT = "7"
TICKET = "100"
PERSON = "31"
RIGHT_CODE = "481516"
VENDOR = "https://vendor.example"


def stale_devices() -> JsonValue:
    return [{"id": f"d-{each}", "state": "stale"} for each in (1, 2, 3)]


@dataclass
class Office:
    """The connector. ``trouble`` is raised once by the named verb, ``before`` or ``after`` its effect."""

    file: Path
    name: str = NAME
    owner: str = TENANT
    privileged: frozenset[str] = frozenset()
    deaf: frozenset[str] = frozenset()
    """The verbs that answer with success and do nothing."""
    trouble: dict[str, list[ConnectorError]] = field(default_factory=dict)
    on_call: Callable[[str], None] = lambda _verb: None
    devices: JsonValue = field(default_factory=stale_devices)

    def check(self) -> str:
        return "an office"

    def close(self) -> None:
        pass

    def effects(self) -> list[dict[str, str]]:
        """Every effect there was, in order."""
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def state(self, field_name: str) -> str:
        """What a field of the account is now."""
        values = [each["value"] for each in self.effects() if each["field"] == field_name]
        return values[-1] if values else ""

    def change(self, verb: str, field_name: str, value: str, key: str) -> None:
        """Make an effect, unless it is so already."""
        self.meet(f"{verb} before")
        if self.state(field_name) != value and verb not in self.deaf:
            self.write(field_name, value, key)
        self.meet(f"{verb} after")

    def add(self, verb: str, field_name: str, value: str, key: str) -> str:
        """Make an effect each time."""
        self.meet(f"{verb} before")
        self.write(field_name, value, key)
        self.meet(f"{verb} after")
        return str(len(self.effects()))

    def found(self, field_name: str, key: str) -> str | None:
        """Where the effect with this key is."""
        places = [
            place for place, each in enumerate(self.effects(), 1) if (each["field"], each["key"]) == (field_name, key)
        ]
        return str(places[0]) if places else None

    def write(self, field_name: str, value: str, key: str) -> None:
        sending.check()  # as the HTTP client of every connector does
        line = json.dumps({"field": field_name, "value": value, "key": key}) + "\n"
        descriptor = os.open(self.file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def meet(self, where: str) -> None:
        self.on_call(where)
        waiting = self.trouble.get(where)
        if waiting:
            raise waiting.pop(0)


class Target(Arguments):
    company_id: str
    user_id: str


class Text(Target):
    text: str


class Code(Target):
    code: str


class Membership(Target):
    group: str


def looked_at(
    verb: str, field_name: str, desired: Callable[[Arguments], str]
) -> Callable[[Office, Target], Inspection]:
    """Make an inspection that captures one field."""

    def inspect(office: Office, arguments: Target) -> Inspection:
        office.meet(f"{verb} inspect")
        current, wanted = office.state(field_name), desired(arguments)
        changes = (Change(field_name, current, wanted),) if current != wanted else ()
        return Inspection(office.owner, changes, {field_name: current}, arguments.user_id in office.privileged)

    return inspect


def adding(verb: str, field_name: str) -> Callable[[Office, Target], Inspection]:
    def inspect(office: Office, arguments: Target) -> Inspection:
        office.meet(f"{verb} inspect")
        text = str(getattr(arguments, "text", getattr(arguments, "code", "")))
        return Inspection(office.owner, (Change(field_name, "", text),), {}, arguments.user_id in office.privileged)

    return inspect


def _is_there(office: Office, _arguments: Target, receipt: Receipt) -> bool:
    office.meet("verify")
    return len(office.effects()) >= int(receipt.reference)


def _probe(field_name: str) -> Callable[[Office, Target, str], Receipt | None]:
    def probe(office: Office, _arguments: Target, key: str) -> Receipt | None:
        office.meet(f"{field_name} probe")
        found = office.found(field_name, key)
        return Receipt(found) if found is not None else None

    return probe


def _look(office: Office, arguments: Target, _key: str) -> Receipt:
    office.meet("look before")
    return Receipt(arguments.user_id, {"phone": "+441632960001"})


def _list(office: Office, arguments: Target, _key: str) -> Receipt:
    office.meet("list_devices before")
    count = len(office.devices) if isinstance(office.devices, list) else 0
    return Receipt(arguments.user_id, {"devices": office.devices, "count": count})


def _send(office: Office, _arguments: Target, key: str) -> Receipt:
    return Receipt(office.add("send_code", "code", RIGHT_CODE, key))


def _check(office: Office, arguments: Code, key: str) -> Receipt:
    if arguments.code != RIGHT_CODE:
        raise RejectedError(f"not the right code: {arguments.code}")
    return Receipt(office.add("check_code", "approved", "yes", key))


def _reset(office: Office, _arguments: Target, key: str) -> Receipt:
    reference = office.add("reset_password", "password", "new", key)
    return Receipt(reference, {}, {"temporary_password": SecretStr("Tulip-Anchor-41")})


def _text(office: Office, arguments: Text, key: str) -> Receipt:
    return Receipt(office.add("send_text", "text", arguments.text, key))


def _note(office: Office, arguments: Text, key: str) -> Receipt:
    return Receipt(office.add("add_note", "note", arguments.text, key))


def _remove_note(office: Office, _arguments: Text, _prior: Mapping[str, JsonValue], receipt: Receipt) -> None:
    office.change("remove_note", f"note {receipt.reference} removed", "yes", "")


def _join(office: Office, arguments: Membership, key: str) -> Receipt:
    office.change("join_group", "group", arguments.group, key)
    return Receipt(arguments.group)


def _leave(office: Office, _arguments: Membership, prior: Mapping[str, JsonValue], _receipt: Receipt) -> None:
    office.change("leave_group", "group", str(prior["group"]), "")


def _is_member(office: Office, arguments: Membership, _receipt: Receipt) -> bool:
    return office.state("group") == arguments.group


def _enable(office: Office, _arguments: Target, key: str) -> Receipt:
    office.change("enable", "enabled", "yes", key)
    return Receipt("enabled")


def _restore(office: Office, _arguments: Target, prior: Mapping[str, JsonValue], _receipt: Receipt) -> None:
    office.change("restore", "enabled", str(prior["enabled"]), "")


def _is_enabled(office: Office, _arguments: Target, _receipt: Receipt) -> bool:
    return office.state("enabled") == "yes"


def _action(verb: str, arguments: type[Arguments], tier: Tier, effect: Effect, **parts: Any) -> AnyAction:  # noqa: ANN401  # whatever an action is made of
    return Action(
        name=f"{NAME}.{verb}",
        title=verb.replace("_", " ").capitalize(),
        arguments=arguments,
        tier=tier,
        effect=effect,
        permission="everything",
        documentation=VENDOR,
        **{"verify": _is_there, **parts},
    )


SENT = "what was sent was sent"
ACTIONS: dict[str, AnyAction] = {
    action.name: action
    for action in (
        _action(
            "look",
            Target,
            Tier.READ,
            Effect.READ,
            inspect=lambda office, _arguments: Inspection(office.owner, ()),
            apply=_look,
            verify=lambda *_arguments: True,
        ),
        _action(
            "list_devices",
            Target,
            Tier.READ,
            Effect.READ,
            inspect=lambda office, _arguments: Inspection(office.owner, ()),
            apply=_list,
            verify=lambda *_arguments: True,
        ),
        _action(
            "join_group",
            Membership,
            Tier.CLIENT_REVERSIBLE,
            Effect.IDEMPOTENT,
            inspect=looked_at("join_group", "group", lambda arguments: str(getattr(arguments, "group", ""))),
            apply=_join,
            verify=_is_member,
            undo=_leave,
        ),
        _action(
            "send_code",
            Target,
            Tier.CLIENT_REVERSIBLE,
            Effect.ONCE,
            inspect=adding("send_code", "code"),
            apply=_send,
            probe=_probe("code"),
            irreversible=SENT,
        ),
        _action(
            "check_code",
            Code,
            Tier.CLIENT_REVERSIBLE,
            Effect.ONCE,
            inspect=adding("check_code", "approved"),
            apply=_check,
            probe=_probe("approved"),
            irreversible="a code counts once",
            proves_identity=True,
        ),
        _action(
            "reset_password",
            Target,
            Tier.HARD_GATE,
            Effect.ONCE,
            inspect=adding("reset_password", "password"),
            apply=_reset,
            irreversible="the former password cannot be read",
            needs_proof=True,
        ),
        _action(
            "enable",
            Target,
            Tier.HARD_GATE,
            Effect.IDEMPOTENT,
            inspect=looked_at("enable", "enabled", lambda _arguments: "yes"),
            apply=_enable,
            verify=_is_enabled,
            undo=_restore,
        ),
        _action(
            "send_text",
            Text,
            Tier.CLIENT_REVERSIBLE,
            Effect.ONCE,
            inspect=adding("send_text", "text"),
            apply=_text,
            probe=_probe("text"),
            irreversible=SENT,
        ),
        _action(
            "add_note",
            Text,
            Tier.PSA_REVERSIBLE,
            Effect.ONCE,
            inspect=adding("add_note", "note"),
            apply=_note,
            probe=_probe("note"),
            undo=_remove_note,
        ),
    )
}

THEIRS = Argument(source=SourceKind.DIRECTORY, value="u-1", origin="the requester's user", person=PERSON)
ASKED = Argument(source=SourceKind.PROMPT, origin="Which code do they read out?", person=PERSON)


def said(value: JsonValue) -> Argument:
    return Argument(source=SourceKind.TECHNICIAN, value=value, origin="the sentence")


def returned(origin: str) -> Argument:
    return Argument(source=SourceKind.STEP, origin=origin)


def step(verb: str, step_id: str = "", **arguments: Argument) -> PlannedStep:
    action = ACTIONS[f"{NAME}.{verb}"]
    company = Argument(source=SourceKind.TICKET, value=TENANT, origin="the ticket's client")
    return PlannedStep(
        id=step_id or verb,
        action=action.name,
        title=action.title,
        tier=action.tier,
        effect=action.effect,
        irreversible=action.irreversible,
        undo_hours=action.undo_hours,
        needs_proof=action.needs_proof,
        proves_identity=action.proves_identity,
        arguments={"company_id": company, "user_id": THEIRS, **arguments},
    )


WHOLE = (
    step("look"),
    step("join_group", group=said("vpn")),
    step("send_code"),
    step("check_code", code=ASKED),
    step("reset_password"),
    step("enable"),
    step("send_text", text=returned("look.detail.phone")),
    step("add_note", text=said("Done.")),
)
"""Every kind of effect: read, idempotent, once with and without a probe, a prompt, reversible and not."""


def plan(
    *steps: PlannedStep,
    number: int = 1,
    requested_by: str = "ann",
    ticket: str = TICKET,
    tenant: str = TENANT,
    pin: AutomationPin | None = None,
    flow: Flow = (),
    on_failure: OnFailure = "stop",
) -> Plan:
    return Plan(
        id=f"p-{number:016x}",
        ticket_id=ticket,
        tenant=Named(id=tenant, name=f"Client {tenant}"),
        requested_by=requested_by,
        person=Named(id=PERSON, name="Pat"),
        automation=pin,
        steps=steps or WHOLE,
        flow=flow,
        on_failure=on_failure,
    )
