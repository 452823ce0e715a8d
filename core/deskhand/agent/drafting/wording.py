"""What a drafted automation is called and how it is described: our own words, and those of the rule alone."""

import re
from collections.abc import Sequence

from deskhand.automation.document import MatchRule, Step
from deskhand.knowledge.deeds import known_deeds, phrase_of
from deskhand.knowledge.matching import quoted
from deskhand.sdk.actions import capability_of

_LONGEST_NAME = 60
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def name_of(steps: Sequence[Step], taken: Sequence[str] = ()) -> str:
    """Return a name nobody has yet, from what the steps do."""
    words = "-".join(_NO_SLUG.sub("-", capability_of(step.action)) for step in _main(steps)[:2])
    plain = words.strip("-")[: _LONGEST_NAME - 4].rstrip("-") or "automation"
    number = 1
    while (name := plain if number == 1 else f"{plain}-{number}") in taken:
        number += 1
    return name


def title_of(steps: Sequence[Step]) -> str:
    """Return a title from what the steps do."""
    words = _listed(list(dict.fromkeys(phrase_of(step.action, step.title) for step in _main(steps))))
    return f"{words[:1].upper()}{words[1:]}"[:160]


def description_of(steps: Sequence[Step], rule: MatchRule, *, is_approved: bool) -> str:
    """Return what it is for, what it does and who has a say, in plain words."""
    which = [f"of the type {' or '.join(rule.types)}"] if rule.types else []
    words = [*rule.required] if rule.required else [*rule.any]
    which += [f"that say {' or '.join(map(_quoted, words))}"] if words else []
    which += ["much like its examples"] if rule.similarity is not None else []
    does = "; then ".join(phrase_of(step.action, step.title) for step in steps)
    approved = (
        "A person approves each run." if is_approved else "It changes the ticket alone, so no run needs approval."
    )
    return f"For tickets {' '.join(which) or 'as described under match'}.\nIt does this: {does}.\n{approved}"


def _main(steps: Sequence[Step]) -> list[Step]:
    """Leave out what goes with many kinds of tickets, such as texting a code."""
    known = known_deeds()
    capabilities = {step.id: capability_of(step.action) for step in steps}
    main = [step for step in steps if not ((deed := known.get(capabilities[step.id])) and deed.generic)]
    return main or list(steps)


def _quoted(word: str) -> str:
    return quoted([word])


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
