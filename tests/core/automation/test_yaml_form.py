"""YAML is read strictly, told what is wrong with it line by line, and written so that it reads back the same."""

import json
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.automation.document import (
    Automation,
    Check,
    FactSource,
    Given,
    MatchRule,
    Parameter,
    ParameterKind,
    Precondition,
    Step,
    StepUndo,
    StepVerification,
)
from deskhand.automation.rules import ApprovalRule, ApproverRole
from deskhand.automation.schema_form import schema
from deskhand.automation.yaml_form import MOST_CHARACTERS, YamlRefusedError, dump, load
from tests.core.automation.examples import TEXT, automation
from tests.repository import ROOT

_LEGIBLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
LINES = st.text(_LEGIBLE, min_size=1, max_size=60).filter(str.strip)
PROSE = st.text(_LEGIBLE | st.just("\n"), min_size=1, max_size=200).filter(str.strip)
WORDS = st.from_regex(r"[a-zäöüß]{2,10}\*?", fullmatch=True).map(str.casefold)
CONSTANTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | PROSE | st.floats(0.001, 1e6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=4,
)
GIVENS = (
    st.builds(lambda value: Given(constant=value), CONSTANTS)
    | st.builds(lambda value: Given(prompt=value), LINES)
    | st.just(Given(parameter="user"))
    | st.just(Given(step="s1.detail.code"))
)


def step(number: int, arguments: dict[str, Given], title: str, why: str | None) -> Step:
    return Step(
        id=f"s{number}",
        action="users_example.reset",
        title=title,
        arguments=arguments,
        verify=StepVerification.READ_BACK,
        undo=StepUndo.NONE if why else StepUndo.RESTORE,
        irreversible=why,
    )


STEPS = st.builds(
    step,
    st.integers(1, 99),
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), GIVENS, max_size=3),
    LINES,
    st.none() | PROSE,
)
AUTOMATIONS = st.builds(
    Automation,
    name=st.just("an-automation"),
    version=st.integers(1, 99),
    title=LINES,
    description=PROSE,
    match=st.builds(
        MatchRule,
        required=st.lists(WORDS, max_size=3).map(tuple),
        any=st.lists(WORDS, max_size=3).map(tuple),
        types=st.lists(LINES, max_size=2).map(tuple),
        similarity=st.none() | st.sampled_from([0.2, 0.35, 1.0]),
        examples=st.lists(st.from_regex(r"[0-9]{1,6}", fullmatch=True), max_size=2).map(tuple),
    ),
    preconditions=st.sampled_from([(), (Precondition(check=Check.REQUESTER_IS_KNOWN),)]),
    parameters=st.just({"user": Parameter(kind=ParameterKind.IDENTIFIER, source=FactSource.REQUESTER_DIRECTORY_USER)}),
    steps=st.lists(STEPS, min_size=1, max_size=3, unique_by=lambda each: each.id).map(tuple),
    approval=st.none()
    | st.builds(
        ApprovalRule, role=st.sampled_from(ApproverRole), expires_minutes=st.integers(5, 99), quorum=st.integers(1, 5)
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(AUTOMATIONS)
def test_whatever_is_written_reads_back_the_same(document: Automation) -> None:
    text = dump(document)
    assert load(text) == document
    assert dump(load(text)) == text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300) | st.text(alphabet="abc:-[]{}#&*!|>'\"\n \t0.", max_size=120))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        load(text)
    except YamlRefusedError as refused:
        problems = refused.problems
    else:
        return
    assert problems
    assert all(problem.text for problem in problems)


def test_what_was_written_says_what_each_section_is_for() -> None:
    text = dump(automation())
    assert "# Which tickets it is for." in text
    assert text.index("match:") < text.index("preconditions:") < text.index("parameters:") < text.index("steps:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the document: it is empty"),
        ("- one", "line 1: write `name: value` lines"),
        ("name: a\nname: b", "line 2, name: this name is there twice"),
        ("name: &x a\ntitle: *x", "line 1: `&` and `*` references are not read"),
        ("name: !!python/object/apply:os.system [ls]", "line 1: `!` tags are not read"),
        ("name: a\n---\nname: b", "line 2: a second document begins"),
        ("name: a\n\tversion: 1", "line 2: this is no YAML"),
        ("[" * 5_000, "nested deeper"),
        ("x" * (MOST_CHARACTERS + 1), "longer than 64,000 characters"),
        (TEXT.replace("version: 1", "versoin: 1"), "line 2, versoin: there is no such name here"),
        (TEXT.replace("version: 1\n", ""), "line 1, version: this is missing"),
        (TEXT.replace("version: 1", "version: one"), "line 2, version: Input should be a valid integer"),
        (TEXT.replace("id: check", "id: Check"), "line 30, steps.1.id: this is not written as it must be"),
        (TEXT.replace("id: check", "id: ask"), "two steps are called ask"),
        (TEXT.replace("title: Tell them", 'title: "Tell\\u202ethem"'), "holds a character nobody can see (U+202E)"),
        (TEXT.replace('{prompt: "Which code did they read out?"}', "{}"), "exactly one of"),
        (TEXT.replace("{step: ask.reference}", "{step: ask.reference, constant: x}"), "exactly one of"),
        (TEXT.replace("source: tenant.id", "source: ticket.text"), "line 19, parameters.company.source: Input"),
        (TEXT.replace("kind: phone", "kind: code"), "is of kind phone, not code"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_its_fix(text: str, expected: str) -> None:
    with pytest.raises(YamlRefusedError) as refused:
        load(text)
    assert expected in str(refused.value)


def test_words_that_other_yaml_takes_for_something_else_stay_words() -> None:
    document = load(
        TEXT.replace("[locked, lock*]", "[no, yes, on, off, null1]")
        .replace('"08:00"', "08:00")
        .replace('"18:00"', "18:30")
    )
    assert document.match.any == ("no", "yes", "on", "off", "null1")
    assert document.preconditions[3].hours is not None
    assert document.preconditions[3].hours.end == "18:30"


def test_a_large_text_is_refused_or_read_in_a_moment() -> None:
    begun = time.perf_counter()
    with pytest.raises(YamlRefusedError):
        load("steps:\n" + "- {id: s, action: a_b.c, title: x}\n" * 1_800)
    assert time.perf_counter() - begun < 5


def test_the_schema_in_the_docs_is_current_and_agrees_with_the_example() -> None:
    page = Path(ROOT / "docs" / "automation.schema.json").read_text(encoding="utf-8")
    assert page == schema(), "run `deskhand automation schema > docs/automation.schema.json`"
    document = json.loads(page)
    assert document["additionalProperties"] is False
    assert set(document["required"]) <= set(yaml.safe_load(TEXT))
