"""The set of cases: what a ticket looks like, and the right answer or "abstain" beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from deskhand.identity.ambiguity import AmbiguityKind
from deskhand.records.quarantine import IdentityRule
from deskhand.sdk.models import Note, NoteKind, Reference, Ticket
from tests.core.identity.world import PlainFacts, companies, reference, settings, toml

THEMES = ("ordinary", "strangers", "disguises", "people", "staff", "forwarded", "words", "machines", "remembered")
STRUCTURE = {"company", "contact", "from", "sender_name", "site", "source", "summary"}
WORDS = {"text", "internal", "author"}
WORLD_CHANGES = {"rules", "ruling", "directory", "verified", "recorded"}
EXPECTED = {"expect", "requester", "device", "conflicts", "candidates", "evidence", "resembled"}
KEYS = {"name"} | STRUCTURE | WORDS | WORLD_CHANGES | EXPECTED
MOMENT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
RuleKind = Literal["address", "domain", "device"]


def make_ticket(**fields: str) -> Ticket:
    def named(key: str) -> Reference | None:
        return Reference(fields[key], "as the PSA writes it") if key in fields else None

    return Ticket(
        id="7001",
        version="1",
        summary=fields.get("summary", "Something is broken"),
        board=Reference("1", "Help Desk"),
        status=Reference("1", "New"),
        is_closed=False,
        created_at=MOMENT,
        updated_at=MOMENT,
        company=named("company"),
        contact=named("contact"),
        site=named("site"),
        contact_name=fields.get("sender_name", ""),
        contact_email=fields.get("from", ""),
        source=Reference("9", fields.get("source", "Email")),
    )


def make_note(text: str, kind: NoteKind = NoteKind.DISCUSSION, author: str = "") -> Note:
    return Note("n", "7001", text, kind, MOMENT, author, from_customer=kind is NoteKind.DISCUSSION)


@dataclass(frozen=True)
class Case:
    theme: str
    name: str
    table: dict[str, Any]

    @property
    def ticket(self) -> Ticket:
        return make_ticket(**{key: self.table[key] for key in STRUCTURE & self.table.keys()})

    @property
    def notes(self) -> tuple[Note, ...]:
        said = [make_note(self.table["text"], author=self.table.get("author", ""))] if "text" in self.table else []
        internal = [make_note(self.table["internal"], NoteKind.INTERNAL)] if "internal" in self.table else []
        return (*said, *internal)

    @property
    def rules(self) -> list[IdentityRule]:
        known = get_args(RuleKind)
        given = self.table.get("rules", [])
        assert all(kind in known for kind, _, _ in given)
        return [IdentityRule(kind, value, reference(tenant)) for kind, value, tenant in given]

    @property
    def facts(self) -> PlainFacts:
        return PlainFacts(
            settings=settings(self.table.get("verified")),
            clients=companies(self.table.get("recorded")),
            remembered=self.rules,
            decided=self.table.get("ruling", ""),
            listed=self.table.get("directory", {}),
        )

    @property
    def tenant(self) -> str | None:
        return None if self.table["expect"].startswith("abstain: ") else str(self.table["expect"])

    @property
    def kind(self) -> AmbiguityKind | None:
        return None if self.tenant else AmbiguityKind(self.table["expect"].removeprefix("abstain: "))


def cases(theme: str) -> list[Case]:
    tables = toml(theme)["case"]
    unknown = {key for table in tables for key in table} - KEYS
    assert not unknown, f"{theme}.toml: unknown keys {unknown}"
    return [Case(theme, table["name"], table) for table in tables]


ALL = [case for theme in THEMES for case in cases(theme)]
