"""What a person reads before approving: rendered from the plan alone, the same bytes for the same plan.

Nothing a ticket, a model or a client wrote can add a line, hide a word or look like another: values stand in quotation
marks on one line, what does not show is written as its code point, and letters beyond Latin are pointed out.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC

from pydantic import JsonValue

from deskhand.automation.flow import AnyBlock, AskApproval, Choose, Flow, ForEach, Parallel, Pause
from deskhand.automation.plan import Argument, Plan, PlannedStep, SourceKind
from deskhand.records.canonical import canonical_json
from deskhand.sdk.actions import Tier

_TIERS: Mapping[int, str] = {
    Tier.READ: "reads only",
    Tier.PSA_REVERSIBLE: "changes the PSA only",
    Tier.CLIENT_REVERSIBLE: "changes the client's systems",
    Tier.HARD_GATE: "HARD GATE: changes that hurt if they are wrong",
    Tier.NEVER_AUTOMATED: "never carried out by deskhand",
}

_SOURCES: Mapping[SourceKind, str] = {
    SourceKind.TICKET: "a field of the ticket",
    SourceKind.DIRECTORY: "on record for this client",
    SourceKind.TECHNICIAN: "the technician's words",
    SourceKind.CONSTANT: "fixed",
    SourceKind.STEP: "what an earlier step returns",
    SourceKind.PROMPT: "asked for during the run",
}

_PUNCTUATION = frozenset("“”„‘’‚«»‹›–—…·§¶¿¡•")
"""What people write by hand and no machine reads; other punctuation passes for a dot, a dash or an at sign."""

_MOST_MARKS = 2
"""How many combining marks in a row are a letter's own; more are there to hide something."""

_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters, symbols and marks that are drawn as nothing."""

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_PHONETIC = 0x250
_VIETNAMESE = range(0x1E00, 0x1F00)


def text(plan: Plan) -> str:
    """Return the text of a plan in lines. Every byte follows from the plan alone, and from no clock."""
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield f"Plan {plan.id} for ticket {quoted(plan.ticket_id)}"
    yield f"Client: {quoted(plan.tenant.name)}, id {quoted(plan.tenant.id)}"
    if plan.person is not None:
        yield f"Person concerned: {quoted(plan.person.name)}, id {quoted(plan.person.id)}"
    yield f"Asked for by: {quoted(plan.requested_by)}"
    if plan.automation is not None:
        pin = plan.automation
        yield f"Automation: {quoted(pin.name)} version {pin.version}, SHA-256 {pin.sha256}"
    if plan.sentence:
        yield f"In their words: {quoted(plan.sentence)}"
    yield f"Steps: {len(plan.steps)}; highest tier: {plan.tier} ({_TIERS[plan.tier]})"
    for number, step in enumerate(plan.steps, start=1):
        yield ""
        yield from _step(number, step)
    yield from course(plan)
    yield ""
    yield f"SHA-256 of all this: {plan.sha256()}"


def _step(number: int, step: PlannedStep) -> Iterator[str]:
    yield f"{number}. {step.action} as {step.id}: {quoted(step.title)}"
    yield f"   Tier {step.tier}: {_TIERS[step.tier]}"
    if step.tier > Tier.READ:
        yield f"   {_undoing(step)}"
    if step.only_if is not None:
        yield f"   Left out unless {quoted(step.only_if)}"
    if step.retry is not None:
        yield f"   Tried at most {step.retry.attempts} times, after {step.retry.pause_seconds} s and longer"
    if step.timeout_minutes is not None:
        yield f"   Not tried again {step.timeout_minutes} minutes after its first attempt"
    if step.resets_proof:
        yield "   Only once the person was called back on a number unchanged for 30 days, and a manager has approved"
    elif step.needs_proof:
        yield "   Only once the person concerned has proven who they are"
    if step.proves_identity:
        how = "by a call to their number" if step.is_call_back else "by a code"
        yield f"   Its success proves who the person concerned is, {how}"
    for name in sorted(step.arguments):
        yield f"   {name_of(name)} = {_argument(step.arguments[name])}"
    if step.clause:
        yield f"   For the words: {quoted(step.clause)}"


def course(plan: Plan) -> Iterator[str]:
    """Say in what order the steps are done, where that is not the order they are listed in."""
    if plan.flow:
        yield ""
        yield "In this order:"
        yield from _blocks(plan.flow, "   ")
    if plan.on_failure == "undo":
        yield ""
        yield "Where it fails, what was done and can be undone is undone, newest first"


def _blocks(flow: Flow, margin: str) -> Iterator[str]:
    for block in flow:
        yield from (f"{margin}{line}" for line in _block(block))


def _block(block: AnyBlock) -> Iterator[str]:
    match block:
        case str():
            yield block
        case Choose():
            yield f"where {quoted(block.choose)}:"
            yield from _blocks(block.then, "   ")
            if block.otherwise:
                yield "otherwise:"
                yield from _blocks(block.otherwise, "   ")
        case Parallel():
            yield f"side by side, in {len(block.parallel)} branches:"
            for number, branch in enumerate(block.parallel, start=1):
                yield f"   branch {number}:"
                yield from _blocks(branch, "      ")
        case ForEach():
            yield f"for each of {quoted(block.for_each)}, AT MOST {block.most}, else the run fails:"
            yield from _blocks(block.do, "   ")
        case AskApproval():
            yield from _asking(block)
        case Pause():
            until, minutes = block.pause.until, block.pause.minutes
            yield f"wait until {until} {quoted(block.pause.zone)}" if until else f"wait {minutes} minutes"


def _asking(block: AskApproval) -> Iterator[str]:
    rule = block.ask_approval
    people = f"{rule.quorum} people" if rule.quorum > 1 else "one person"
    yield f"wait for another approval ({people}, role {rule.role.value}, within {rule.expires_minutes} minutes)"
    if block.otherwise:
        yield "where it is not given:"
        yield from _blocks(block.otherwise, "   ")
    else:
        yield "where it is not given, the run ends"


def _undoing(step: PlannedStep) -> str:
    within = f"Can be undone within {step.undo_hours} hours"
    return within if step.irreversible is None else f"CANNOT BE UNDONE: {quoted(step.irreversible)}"


def _argument(argument: Argument) -> str:
    value = "(not known yet)" if argument.is_late and argument.value is None else shown(argument.value)
    person = "" if argument.person is None else f", belongs to person {quoted(argument.person)}"
    since = argument.unchanged_since
    seen = "" if since is None else f", unchanged since {since.astimezone(UTC):%Y-%m-%d}"
    return f"{value} [{_SOURCES[argument.source]}: {quoted(argument.origin)}{person}{seen}]"


def shown(value: JsonValue) -> str:
    """Return a value on one line: words as `quoted`, anything else as canonical JSON of such words."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(name)}: {shown(value[name])}' for name in sorted(value))}}}"
    return canonical_json(value)


def name_of(written: str) -> str:
    """Return the name of an argument: bare where it is a plain word, as `quoted` where someone made it up."""
    return written if written.isidentifier() and written.isascii() else quoted(written)


def quoted(words: str) -> str:
    """Return words in quotation marks on one line, each character either plain to see or written as its code point.

    Letters and digits of other scripts than Latin are shown and pointed out after the words, as they can pass for it.
    Those that are written from right to left are not shown: they would rearrange the line they stand on.
    """
    marked = "".join(_visible(words))
    foreign = sorted({_script(each) for each in words if each.isalnum() and not each.isascii()} - {"LATIN"})
    return f'"{marked}"' + (f" (in {' and '.join(foreign)} characters)" if foreign else "")


def _visible(words: str) -> Iterator[str]:
    room, before = 0, ""
    for character in words:
        is_mark = unicodedata.category(character) in {"Mn", "Mc"}
        room = room - 1 if is_mark else _MOST_MARKS + 1 if character.isalpha() else 0
        is_shown = room > 0 and _is_plain_mark(before, character) if is_mark else _shows(character)
        yield character if is_shown else _escaped(character)
        before = character


def _shows(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and character not in '"\\'
    category = unicodedata.category(character)
    if category.startswith("P"):
        return character in _PUNCTUATION
    is_drawn = category[0] in "LNS" and character not in _BLANK
    return is_drawn and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT and not _is_odd_latin(character)


def _is_plain_mark(before: str, mark: str) -> bool:
    """Tell whether a mark shows, and makes nothing that looks like a letter there is already."""
    name = unicodedata.name(mark, "VARIATION")
    is_composed = len(unicodedata.normalize("NFC", before + mark)) == 1
    return mark not in _BLANK and not is_composed and "VARIATION" not in name and "OVERLAY" not in name


def _is_odd_latin(character: str) -> bool:
    """Tell whether it is a letter for phoneticians, such as U+0251, which passes for an everyday one."""
    is_everyday = ord(character) < _PHONETIC or ord(character) in _VIETNAMESE
    return not is_everyday and _script(character) == "LATIN"


def _escaped(character: str) -> str:
    return f"\\{character}" if character in '"\\' else f"\\u{{{ord(character):04x}}}"


def _script(letter: str) -> str:
    """Name the script of a letter by the first word of its Unicode name, such as CYRILLIC or FULLWIDTH."""
    return unicodedata.name(letter, "UNNAMED").split(" ")[0].split("-")[0]
