import contextlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.llm import grammar
from deskhand.llm.grammar import GrammarError, Part

texts = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from('\n\t\\"[]^-|(){}'), min_size=1, max_size=12
)
letters = st.text(st.sampled_from(string.printable[:95] + "é漢"), min_size=1, max_size=6)
leaves = st.builds(grammar.literal, texts) | st.builds(
    lambda chosen, flag: grammar.characters(chosen, none_of_these=flag), letters, st.booleans()
)


def _combined(inner: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    several = st.lists(inner, min_size=1, max_size=3)
    solid = inner.filter(lambda part: not part.may_be_empty)
    return (
        several.map(lambda parts: grammar.sequence(*parts))
        | several.map(lambda parts: grammar.one_of(*parts))
        | st.builds(
            lambda part, least, more: grammar.repeat(part, least, least + more),
            solid,
            st.integers(0, 2),
            st.integers(1, 2),
        )
    )


parts = st.recursive(leaves, _combined, max_leaves=6)


@given(parts)
def test_whatever_the_writer_writes_passes_the_check(part: Part) -> None:
    grammar.check(grammar.write(part))


@given(parts, st.data())
def test_a_damaged_grammar_is_refused_or_is_another_valid_one(part: Part, data: st.DataObject) -> None:
    text = grammar.write(part)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = (
        text[:at]
        + data.draw(st.sampled_from(["", '"', "(", ")", "{", "*", "+", "x", " ", "\\", "[", "\n"]))
        + text[at + 1 :]
    )
    with contextlib.suppress(GrammarError):
        grammar.check(damaged)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        'root ::= "a',
        "root ::= other",
        'root ::= root "a"',
        'rot ::= "a"',
        'root ::= "a"*',
        'root ::= "x" [a-z]{0,20000} "y"',
        'root ::= ("a"{0,9}){0,9}',
        'root ::= "a"{2,1}',
        'root ::= "a"{0,0}',
        'root ::= ""',
        'root ::= "a" | ',
        'root ::= "\\q"',
        'root ::= "a"\nroot ::= "b"',
        "root ::= [^a]",
        "root ::= " + "(" * 100 + '"a"' + ")" * 100,
    ],
)
def test_a_grammar_that_could_crash_llama_cpp_is_refused(hostile: str) -> None:
    with pytest.raises(GrammarError):
        grammar.check(hostile)


def test_a_choice_object_names_each_field_and_its_labels() -> None:
    part = grammar.choice_object([("type", ("a", 'b"c')), ("impact", ("low",))])
    assert grammar.write(part) == (
        'root ::= ("{\\"type\\": " ("\\"a\\"" | "\\"b\\\\\\"c\\"") ", \\"impact\\": " "\\"low\\"" "}")'
    )


def test_a_grammar_that_unfolds_too_far_is_refused_where_it_is_written() -> None:
    with pytest.raises(GrammarError, match="unfolds to"):
        grammar.repeat(grammar.text_line(1, 100), 1, 100)


def test_a_circumflex_alone_in_a_set_does_not_turn_it_around() -> None:
    assert grammar.characters("^").source == '"^"'
    assert grammar.characters("^a").source == "[a^]"
