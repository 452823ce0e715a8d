"""From a draft to an approved version: saved, checked, back-tested, compared, and approved by somebody else."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from deskhand.agent.drafting.back_test import BackTest, Trial, back_test
from deskhand.agent.drafting.drafts import Draft
from deskhand.agent.drafting.steps import NothingToDraftError
from deskhand.automation.difference import Difference, differences, unified
from deskhand.automation.document import Automation, MatchRule, Precondition
from deskhand.automation.linter import Finding, errors, lint
from deskhand.automation.yaml_form import YamlRefusedError, load, with_version
from deskhand.desk.automation_facts import PastChecks
from deskhand.desk.drafting import Drafting
from deskhand.desk.recognising import Recognising
from deskhand.desk.refusals import DeskRefusedError, require, require_all_clients
from deskhand.desk.shelf import Shelf, document_of, overlaid
from deskhand.records import automations
from deskhand.records.accounts import Account, Role
from deskhand.records.automations import AutomationState, VersionRecord, VersionState
from deskhand.records.canonical import canonical_json
from deskhand.records.database import Records

WORKING = (Role.TECHNICIAN, Role.APPROVER, Role.ADMIN)
_BACK_TEST = "back_test"


@dataclass(frozen=True, slots=True)
class Authoring:
    """Versions of automations. Raises DeskRefusedError, saying why and what would mend it, for misuse."""

    records: Records
    shelf: Shelf
    drafting: Drafting
    recognising: Recognising

    def draft_from_run(self, who: Account, run_id: str) -> Draft:
        """Draft from a run that did something; nothing is kept until it is saved."""
        require(who, *WORKING)
        require_all_clients(who)
        return _drafted(lambda: self.drafting.from_run(run_id, self._taken()))

    def draft_from_ticket(self, who: Account, ticket_id: str) -> Draft:
        """Draft from what technicians wrote about a ticket they solved by hand; nothing is kept until it is saved."""
        require(who, *WORKING)
        require_all_clients(who)
        return _drafted(lambda: self.drafting.from_ticket(ticket_id, self._taken()))

    def save_draft(self, who: Account, name: str, yaml: str) -> VersionRecord:
        """Keep a text as the automation's open draft, or as its next version; its version number is set right.

        A text with findings may be saved, not approved.
        """
        require(who, *WORKING)
        require_all_clients(who)
        held = automations.find(self.records, name)
        if held is not None and held.state is AutomationState.RETIRED:
            raise DeskRefusedError(f"{name} is retired: save the text under another name")
        version = automations.next_version(self.records, name)
        text = with_version(yaml, version)
        document = loaded(text)
        if (document.name, document.version) != (name, version):
            raise DeskRefusedError(f"the text must say `name: {name}` and `version: {version}`, each on its own line")
        evidence = self._inherited(document, text)
        try:
            with self.records.transaction(who.name) as transaction:
                return automations.save_draft(
                    transaction, name, version, text, author=who.name, title=document.title, evidence=evidence
                )
        except LookupError as error:
            raise DeskRefusedError(str(error)) from error

    def lint(self, yaml: str) -> tuple[Finding, ...]:
        """Say what is wrong with a text. Raises DeskRefusedError where it cannot be read, with the line and the fix."""
        return self._findings(loaded(yaml))

    def versions(self, name: str) -> tuple[VersionRecord, ...]:
        """List an automation's versions, newest first."""
        found = tuple(automations.versions(self.records, name))
        if not found:
            raise DeskRefusedError(f"there is no automation {name}; `deskhand automation list` shows what there is")
        return found

    def version(self, name: str, version: int | None = None) -> VersionRecord:
        """Find a version; the newest where none is named."""
        found = next((each for each in self.versions(name) if version in {None, each.version}), None)
        if found is None:
            raise DeskRefusedError(f"there is no version {version} of {name}")
        return found

    def document(self, name: str, version: int | None = None) -> Automation:
        """Read a version's document; the newest where none is named."""
        return document_of(self.version(name, version))

    def diff(self, name: str, one: int, other: int) -> str:
        """Return the lines that differ between two versions; empty where none do."""
        before, after = self.version(name, one), self.version(name, other)
        return unified(before.yaml, after.yaml, (f"{name} version {one}", f"{name} version {other}"))

    def differences(self, name: str, one: int, other: int) -> tuple[Difference, ...]:
        """Return the fields that differ between two versions."""
        return differences(self.document(name, one), self.document(name, other))

    def back_test(self, name: str, version: int, companies: Collection[str] | None = None) -> BackTest:
        """Hold a version against every mirrored closed ticket, which becomes its evidence; or those of some clients."""
        begun = time.perf_counter()
        record = self.version(name, version)
        document = document_of(record)
        trial = Trial(
            document,
            self.drafting.corpus(),
            self.recognising.examples(document),
            companies,
            PastChecks(self.drafting.mirror, document).unmet,
        )
        found = back_test(trial, self.recognising.clock())
        found = found.model_copy(update={"seconds": round(time.perf_counter() - begun, 3)})
        if companies is None:
            with self.records.transaction("desk") as transaction:
                automations.put_evidence(transaction, record, _BACK_TEST, _evidence(record.sha256, found))
        return found

    def tested(self, record: VersionRecord) -> BackTest | None:
        """Return the back-test of what a version matches and does; None where there is none of this text."""
        kept = record.evidence.get(_BACK_TEST)
        if not isinstance(kept, dict) or kept.get("sha256") != record.sha256:
            return None
        return BackTest.model_validate_json(canonical_json(kept["result"]))

    def approve(self, who: Account, name: str, version: int, sha256: str, comment: str = "") -> VersionRecord:
        """Approve exactly the text with this hash. Nobody approves what they wrote at."""
        record = self._decidable(who, name, version, sha256)
        if who.name in record.authors:
            raise DeskRefusedError(f"{who.name} wrote at version {version}: somebody else has to approve it")
        document = document_of(record)
        refuse_findings(self._findings(document))
        if self.tested(record) is None:
            raise DeskRefusedError(f"its text was not back-tested: run `deskhand automation back-test {name}` first")
        for rollout in automations.rollouts_of(self.records, automation=name):
            if rollout.detail.overlay is not None:
                overlaid(document, rollout.detail.overlay.yaml)
        return self._decide(who, record, VersionState.APPROVED, comment)

    def reject(self, who: Account, name: str, version: int, sha256: str, comment: str) -> VersionRecord:
        """Put a draft aside for good, saying why."""
        record = self._decidable(who, name, version, sha256)
        return self._decide(who, record, VersionState.REJECTED, said(comment))

    def _decidable(self, who: Account, name: str, version: int, sha256: str) -> VersionRecord:
        require(who, Role.APPROVER)
        require_all_clients(who)
        record = self.version(name, version)
        if record.state is not VersionState.DRAFT:
            raise DeskRefusedError(f"version {version} of {name} is {record.state.value} already")
        if record.sha256 != sha256:
            raise DeskRefusedError(f"the text of version {version} is not the one with that hash: look at it again")
        return record

    def _decide(self, who: Account, record: VersionRecord, state: VersionState, comment: str) -> VersionRecord:
        try:
            with self.records.transaction(who.name) as transaction:
                return automations.decide(transaction, record, state, by=who.name, reason=comment.strip()[:500])
        except LookupError as error:
            raise DeskRefusedError(str(error)) from error

    def _findings(self, document: Automation) -> tuple[Finding, ...]:
        return lint(document, self.recognising.actions, names=self.drafting.names())

    def _taken(self) -> tuple[str, ...]:
        return tuple(each.name for each in automations.listing(self.records))

    def _inherited(self, document: Automation, text: str) -> Mapping[str, JsonValue]:
        """Take over the approved version's back-test where the text matches and does the very same."""
        held = automations.current(self.records, document.name)
        tested = self.tested(held) if held else None
        if held is None or tested is None or _compared(document_of(held)) != _compared(document):
            return {}
        return {_BACK_TEST: _evidence(automations.sha256_of(text), tested)}


def _compared(document: Automation) -> tuple[MatchRule, tuple[str, ...], tuple[Precondition, ...]]:
    """Return what a back-test depends on."""
    return document.match, tuple(step.action for step in document.steps), document.preconditions


def _evidence(sha256: str, found: BackTest) -> dict[str, JsonValue]:
    return {"sha256": sha256, "result": found.model_dump(mode="json")}


def _drafted(draw: Callable[[], Draft]) -> Draft:
    try:
        return draw()
    except NothingToDraftError as error:
        raise DeskRefusedError(str(error)) from error


def loaded(yaml: str) -> Automation:
    """Read a text. Raises DeskRefusedError with each line and its fix."""
    try:
        return load(yaml)
    except YamlRefusedError as error:
        raise DeskRefusedError(str(error)) from error


def refuse_findings(findings: Collection[Finding]) -> None:
    """Raise DeskRefusedError where there are errors among the findings."""
    found = errors(findings)
    if found:
        raise DeskRefusedError(f"it does not pass its checks: {' '.join(map(str, found))}")


def said(reason: str) -> str:
    """Return a reason somebody gave. Raises DeskRefusedError where there is none."""
    words = " ".join(reason.split())
    if not words:
        raise DeskRefusedError("say why: whoever looks at the record wants to know")
    return words[:500]
