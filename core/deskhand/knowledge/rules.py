"""Learns a small match rule that people can read: which words set tickets of one sort apart from all others."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from deskhand.automation.document import MatchRule
from deskhand.knowledge.corpus import Corpus, Mask
from deskhand.knowledge.matching import Matcher, Reading, is_among, is_telling, words_in

PRECISION_COUNTS = 0.5
"""The beta of F: below 1, a false match costs more than a missed ticket."""
LEAST_GAIN = 0.01
"""What a further word must add to F: a shorter rule is easier to read and to trust."""
MOST_ANY = 8
MOST_REQUIRED = 2
MOST_FORBIDDEN = 6
MOST_EXAMPLES = 5
MOST_TYPES = 3
ENOUGH_TO_HOLD_OUT = 20
_HELD_OUT = 0.3
_SAME_SORT = 0.35
"""Likeness from which a ticket nobody documented counts as the same sort."""
_UNLIKE = 0.5
"""Likeness above which a ticket of another type is not counted against a rule."""
_LIKENESSES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
_FEW = 3
_ENOUGH_TO_GENERALISE = 8
"""Tickets of a sort below which other words than the example's own are chance, and likeness to it is asked for too."""
_MOST_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Example:
    """The ticket a rule is learned from; ``deeds`` are the capabilities that say what sort of ticket it was."""

    ticket_id: str
    reading: Reading
    deeds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Quality:
    """How a rule does on tickets whose sort is known."""

    true: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """The share of matches that were right; 0 without any."""
        return self.true / (self.true + self.false) if self.true + self.false else 0.0

    @property
    def recall(self) -> float:
        """The share of right tickets that were matched; 0 without any."""
        return self.true / (self.true + self.missed) if self.true + self.missed else 0.0

    @property
    def worth(self) -> float:
        """F with PRECISION_COUNTS as beta."""
        weight = PRECISION_COUNTS**2
        total = weight * self.precision + self.recall
        return (1 + weight) * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Sorted:
    """Closed tickets of the example's sort, and of others; what is in neither, nobody knows."""

    same: Mask = field(repr=False)
    other: Mask = field(repr=False)

    def quality(self, matched: Mask) -> Quality:
        """Count right matches, false ones and missed tickets."""
        true = int(np.sum(matched & self.same))
        return Quality(true, int(np.sum(matched & self.other)), int(np.sum(self.same)) - true)

    def within(self, rows: Mask) -> "Sorted":
        """Look at some of the tickets only."""
        return Sorted(self.same & rows, self.other & rows)


@dataclass(frozen=True, slots=True)
class LearnedRule:
    """A rule, how it does on all tickets whose sort is known, and on later ones it was not learned from."""

    rule: MatchRule
    quality: Quality
    held_out: Quality | None
    """On the newest tickets, by a rule learned from the older ones alone; None where there are too few."""
    similar: tuple[str, ...]
    """Tickets of the same sort, the most alike first, by id."""


def learn_rule(corpus: Corpus, example: Example, names: Collection[str] = ()) -> LearnedRule:
    """Learn from closed tickets, oldest first. No word of ``names`` (of people and clients) gets into the rule."""
    likeness = corpus.alike(example.reading.words)
    known = sort(corpus, example)
    search = _Search(corpus, example, known, _banned(names))
    rule = search.rule()
    closest = [row for row in np.argsort(-likeness, kind="stable") if known.same[row]]
    return LearnedRule(
        rule,
        known.quality(corpus.matches(search.matcher(rule))),
        _held_out(corpus, example, known, names),
        tuple(corpus.cases[row].ticket_id for row in closest[:MOST_EXAMPLES]),
    )


def sort(corpus: Corpus, example: Example) -> Sorted:
    """Tell tickets of the example's sort from others: by type and by what people did, by likeness where nobody said."""
    likeness = corpus.alike(example.reading.words)
    wanted, kind = example.deeds, example.reading.type_name
    is_type = np.array(
        [kind is None or (each.type_name is not None and is_among(each.type_name, [kind])) for each in corpus.cases],
        dtype=np.bool_,
    )
    is_said = np.array([bool(each.deeds) for each in corpus.cases], dtype=np.bool_)
    is_done = np.array([bool(each.deeds and each.deeds & wanted) for each in corpus.cases], dtype=np.bool_)
    is_it = np.array([each.ticket_id == example.ticket_id for each in corpus.cases], dtype=np.bool_)
    same = is_it | (is_done & is_type) | (~is_said & is_type & (likeness >= _SAME_SORT))
    if np.sum(same) < _FEW:
        same |= is_type & (is_done | ~is_said) & (likeness >= _SAME_SORT / 2)
    other = ~same & ((is_said & ~is_done) | (~is_type & (likeness < _UNLIKE)))
    return Sorted(same, other)


def _held_out(corpus: Corpus, example: Example, known: Sorted, names: Collection[str]) -> Quality | None:
    rows = np.flatnonzero(known.same)
    if len(rows) < ENOUGH_TO_HOLD_OUT:
        return None
    since = rows[int(len(rows) * (1 - _HELD_OUT))]
    is_late = np.arange(len(corpus)) >= since
    search = _Search(corpus, example, known.within(~is_late), _banned(names))
    return known.within(is_late).quality(corpus.matches(search.matcher(search.rule())))


@dataclass(slots=True)
class _Search:
    corpus: Corpus
    example: Example
    known: Sorted
    banned: frozenset[str]
    columns: dict[str, Mask] = field(default_factory=dict)

    def rule(self) -> MatchRule:
        """Build a rule part by part; a part stays only where it pays, but for likeness where little is known."""
        rule = self._with_types(MatchRule(any=self._any()))
        if rule.is_empty:
            return self._by_likeness()
        if self._is_too_little:
            return self._best(rule, self._likenesses(rule), -1.0)
        for improve in (self._with_required, self._with_forbidden, self._with_likeness):
            rule = improve(rule)
        return rule

    def matcher(self, rule: MatchRule) -> Matcher:
        """Make a rule ready; the example itself is the only example whose words are at hand."""
        return Matcher(rule, {self.example.ticket_id: self.example.reading.words} if rule.examples else {})

    def _worth(self, rule: MatchRule) -> float:
        return self.known.quality(self.corpus.matches(self.matcher(rule))).worth

    def _any(self) -> tuple[str, ...]:
        candidates = self._candidates()
        chosen: list[str] = []
        found = np.zeros(len(self.corpus), dtype=np.bool_)
        worth = 0.0
        least = 1 if np.sum(self.known.same) < _FEW else 2
        while len(chosen) < MOST_ANY:
            best, best_worth = "", worth + LEAST_GAIN
            for word in candidates:
                both = found | self._rows(word)
                if np.sum(both & self.known.same) >= np.sum(found & self.known.same) + least:
                    value = self.known.quality(both).worth
                    best, best_worth = (word, value) if value > best_worth else (best, best_worth)
            if not best:
                break
            chosen.append(best)
            found, worth = found | self._rows(best), best_worth
        return tuple(chosen)

    def _candidates(self) -> list[str]:
        least = 1 if np.sum(self.known.same) < _FEW else 2
        common = dict(self.corpus.words_of(self.known.other))
        counted = [
            (count / (count + common.get(word, 0) + 1), count, word)
            for word, count in self.corpus.words_of(self.known.same)
            if count >= least and self._may_pick(word)
        ]
        counted.sort(key=lambda each: (-each[0] * np.sqrt(each[1]), each[2]))
        return [word for _, _, word in counted[:_MOST_CANDIDATES]]

    def _with_types(self, rule: MatchRule) -> MatchRule:
        counts: dict[str, int] = {}
        for row in np.flatnonzero(self.known.same):
            name = self.corpus.cases[row].type_name
            if name is not None:
                counts[name] = counts.get(name, 0) + 1
        names = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_TYPES]
        kept = tuple(name for name in names if counts[name] >= max(1, 0.05 * sum(counts.values())))
        return self._better(rule, rule.model_copy(update={"types": kept}), 0.0) if kept else rule

    def _with_required(self, rule: MatchRule) -> MatchRule:
        for _ in range(MOST_REQUIRED):
            options = (
                rule.model_copy(update={"required": (*rule.required, word)})
                for word in self._candidates()[:20]
                if word not in rule.required
            )
            rule = self._best(rule, options, 2 * LEAST_GAIN)
        return _without_redundant(rule)

    def _with_forbidden(self, rule: MatchRule) -> MatchRule:
        for _ in range(MOST_FORBIDDEN):
            false = self.corpus.matches(self.matcher(rule)) & self.known.other
            counts = sorted(self.corpus.words_of(false), key=lambda each: (-each[1], each[0]))
            words = [word for word, count in counts if count >= 2 and self._may_be_used(word)][:30]  # noqa: PLR2004  # one is chance
            options = (rule.model_copy(update={"forbidden": (*rule.forbidden, word)}) for word in words)
            better = self._best(rule, options, LEAST_GAIN / 2)
            if better == rule:
                return rule
            rule = better
        return rule

    def _with_likeness(self, rule: MatchRule) -> MatchRule:
        return self._best(rule, self._likenesses(rule), 2 * LEAST_GAIN)

    def _likenesses(self, rule: MatchRule) -> Iterable[MatchRule]:
        examples = (self.example.ticket_id,)
        return (rule.model_copy(update={"similarity": least, "examples": examples}) for least in _LIKENESSES)

    def _by_likeness(self) -> MatchRule:
        """Fall back to the example alone, where no word tells its sort apart."""
        rule = MatchRule(similarity=_SAME_SORT, examples=(self.example.ticket_id,))
        return self._best(rule, self._likenesses(rule), LEAST_GAIN)

    def _best(self, rule: MatchRule, options: Iterable[MatchRule], gain: float) -> MatchRule:
        best, best_worth = rule, self._worth(rule) + gain
        for option in options:
            worth = self._worth(option)
            if worth > best_worth:
                best, best_worth = option, worth
        return best

    def _better(self, rule: MatchRule, other: MatchRule, gain: float) -> MatchRule:
        return self._best(rule, [other], gain)

    def _rows(self, word: str) -> Mask:
        if word not in self.columns:
            self.columns[word] = self.corpus.rows_with(word)
        return self.columns[word]

    def _may_be_used(self, word: str) -> bool:
        return is_telling(word) and word not in self.banned

    def _may_pick(self, word: str) -> bool:
        """Tell whether a word may pick tickets."""
        is_own = word in self.example.reading.words
        return self._may_be_used(word) and (is_own or not self._is_too_little)

    @property
    def _is_too_little(self) -> bool:
        return bool(np.sum(self.known.same) < _ENOUGH_TO_GENERALISE)


def _banned(names: Collection[str]) -> frozenset[str]:
    return frozenset(word for name in names for word in words_in(name))


def _without_redundant(rule: MatchRule) -> MatchRule:
    """Leave out the alternatives where one of them is required anyway."""
    return rule.model_copy(update={"any": ()}) if set(rule.any) & set(rule.required) else rule
