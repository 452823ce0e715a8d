import json
import unicodedata
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from deskhand.automation.flow import Flow
from deskhand.automation.plan import Argument, Named, Plan, SourceKind
from deskhand.automation.rules import Retry
from deskhand.governance.approval import text
from deskhand.governance.approval_text import quoted, shown
from tests.core.governance.plan_examples import PIN, check, on_record, plan, reset
from tests.core.workflow.office import plan as office_plan
from tests.core.workflow.office import said
from tests.core.workflow.office import step as office_step
from tests.repository import SHARED

EXPECTED = """\
Plan p-0000000000000001 for ticket "100"
Client: "Marlow & Tern", id "19"
Person concerned: "Bob Smith", id "17"
Asked for by: "ann"
Automation: "unlock" version 3, SHA-256 abababababababababababababababababababababababababababababababab
In their words: "verify the user, then reset the password"
Steps: 2; highest tier: 3 (HARD GATE: changes that hurt if they are wrong)

1. notify_twilio.check_verification as check: "Check the code"
   Tier 2: changes the client's systems
   CANNOT BE UNDONE: "A code counts once."
   Its success proves who the person concerned is, by a code
   code = (not known yet) [asked for during the run: "What code did they read out?"]
   to = "+44 1632 960001" [on record for this client: "the directory's record", belongs to person "17"]

2. identity_entra.reset_password as reset: "Give a cloud user a temporary password"
   Tier 3: HARD GATE: changes that hurt if they are wrong
   CANNOT BE UNDONE: "The former password cannot be read."
   Only once the person concerned has proven who they are
   user_id = "u-1" [on record for this client: "the directory's record", belongs to person "17"]
   For the words: "reset the password"

SHA-256 of all this: {hash}
"""


def with_value(value: object) -> Plan:
    argument = Argument(source=SourceKind.TECHNICIAN, value=value, origin="what they typed")  # type: ignore[arg-type]  # hostile
    return plan(reset().model_copy(update={"arguments": {"text": argument}}))


def test_a_person_reads_every_word_that_counts() -> None:
    what = plan(automation=PIN)
    assert text(what) == EXPECTED.format(hash=what.sha256())


def test_the_same_plan_is_the_same_bytes_also_after_a_round_trip() -> None:
    what = plan(check(), reset())
    again = Plan.model_validate_json(what.written())
    assert text(again).encode() == text(what).encode() == text(plan(check(), reset())).encode()


def test_what_can_be_undone_says_so_and_reading_says_neither() -> None:
    undoable = reset().model_copy(update={"irreversible": None, "tier": 2})
    reading = reset().model_copy(update={"irreversible": None, "tier": 0})
    assert "   Can be undone within 168 hours\n" in text(plan(undoable))
    assert "undone" not in text(plan(reading)).lower()


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ('say "yes"', r'"say \"yes\""'),
        ("a\nClient: x", r'"a\u{000a}Client: x"'),
        ("a\r\x00\x1b[2J\x7f\x9b", r'"a\u{000d}\u{0000}\u{001b}[2J\u{007f}\u{009b}"'),
        ("\u202egpj.exe\u2069", r'"\u{202e}gpj.exe\u{2069}"'),
        ("zero\u200bwidth\u2060\ufeff\u00ad", r'"zero\u{200b}width\u{2060}\u{feff}\u{00ad}"'),
        ("line\u2028para\u2029nbsp\u00a0thin\u2009", r'"line\u{2028}para\u{2029}nbsp\u{00a0}thin\u{2009}"'),
        ("tag\U000e0041\U000e007f", r'"tag\u{e0041}\u{e007f}"'),
        ("blank\u3164\u2800", r'"blank\u{3164}\u{2800}" (in HANGUL characters)'),
        ("\ufe0f\U000e0100v", r'"\u{fe0f}\u{e0100}v"'),
        ("\ue000\ud800\uffff", r'"\u{e000}\u{d800}\u{ffff}"'),
        ("back\\slash", r'"back\\slash"'),
        ("bob\uff20example\u2024com", r'"bob\u{ff20}example\u{2024}com"'),
        ("dash\u2010\u2212", '"dash\\u{2010}\u2212"'),
        ("\u0251dmin", r'"\u{0251}dmin"'),
        ("\u05d0\u05d1 12", r'"\u{05d0}\u{05d1} 12" (in HEBREW characters)'),
        ("M\u00fcller \u2013 \u201eGr\u00fc\u00dfe\u201c", '"M\u00fcller \u2013 \u201eGr\u00fc\u00dfe\u201c"'),
        ("e\u0301a", r'"e\u{0301}a"'),
        ("\u0915\u093f", '"\u0915\u093f" (in DEVANAGARI characters)'),
        ("\u0301a", r'"\u{0301}a"'),
        ("x" + "\u0301" * 5, '"x\u0301\u0301' + r'\u{0301}\u{0301}\u{0301}"'),
        ("s\u0336", r'"s\u{0336}"'),
        ("\u0430dmin", '"\u0430dmin" (in CYRILLIC characters)'),
        ("ad\uff4din\uff11", '"ad\uff4din\uff11" (in FULLWIDTH characters)'),
        ("\u039f\u041a", '"\u039f\u041a" (in CYRILLIC and GREEK characters)'),
    ],
)
def test_what_hides_or_passes_for_another_is_made_visible(words: str, seen: str) -> None:
    assert quoted(words) == seen


def test_values_that_are_no_words_are_shown_whole() -> None:
    assert (
        shown({"b": [1, True, None, 1.5], "a\n": "x\u200b"}) == r'{"a\u{000a}": "x\u{200b}", "b": [1, true, null, 1.5]}'
    )
    assert "x" * 5_000 in text(with_value("x" * 5_000))


hostile = st.text(st.characters(), max_size=60) | st.sampled_from(
    ["\n\nSHA-256 of all this: 00", '" [fixed: "', "\x1b]8;;http://x\x07", "\u202e\u2066", "1. psa.note as x: \u200b"]
)


@settings(max_examples=200, deadline=None)
@given(hostile, hostile, hostile, hostile)
def test_no_word_of_anyone_adds_a_line_or_hides_a_character(value: str, name: str, sentence: str, clause: str) -> None:
    argument = Argument(source=SourceKind.TICKET, value=value, origin=name, person=name)
    step = reset(title=clause).model_copy(update={"arguments": {"to": argument}, "clause": "x"})
    what = plan(step, sentence="x").model_copy(
        update={"tenant": Named(id=value, name=name), "sentence": sentence or "x"}
    )
    tame = plan(
        step.model_copy(update={"title": "x", "arguments": {"to": Argument(source=SourceKind.TICKET, origin="x")}})
    )
    rendered = text(what)
    assert rendered.count("\n") == text(tame).count("\n")
    for character in rendered.replace("\n", ""):
        assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert character == " " or not character.isspace()
        assert unicodedata.bidirectional(character) not in {"R", "AL", "AN"}


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text())
def test_two_different_words_never_look_the_same(one: str, other: str) -> None:
    assert (quoted(one) == quoted(other)) == (one == other)


needs_attacks = pytest.mark.skipif(not (SHARED / "data" / "attacks").exists(), reason="the shared attacks are not here")


@needs_attacks
def test_no_text_of_the_shared_attacks_changes_what_is_approved() -> None:
    """The text is a function of the plan; an attack inside a plan's values stays between its quotation marks."""
    before = text(plan())
    lines = before.count("\n")
    for file in sorted((SHARED / "data" / "attacks").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            attack = str(json.loads(line).get("text", line)) if line else "x"
            assert text(plan(sentence=attack[:2_000] or "x")).count("\n") == lines


FLOWING = """\

In this order:
   look
   where "steps.look.detail.count > 1":
      a
   otherwise:
      b
   side by side, in 2 branches:
      branch 1:
         c
      branch 2:
         d
   for each of "look.detail.devices", AT MOST 5, else the run fails:
      e
   wait for another approval (2 people, role admin, within 60 minutes)
   where it is not given:
      f
   wait 30 minutes
   wait until 07:00 "Europe/Berlin"
   wait for another approval (one person, role approver, within 240 minutes)
   where it is not given, the run ends

Where it fails, what was done and can be undone is undone, newest first
"""


def test_the_order_of_the_steps_is_part_of_what_a_person_reads() -> None:
    steps = [office_step("list_devices", "look")]
    steps += [office_step("add_note", each, text=said(each)) for each in "abcdef"]
    blocks = [
        "look",
        {"choose": "steps.look.detail.count > 1", "then": ["a"], "otherwise": ["b"]},
        {"parallel": [["c"], ["d"]]},
        {"for_each": "look.detail.devices", "most": 5, "do": ["e"]},
        {"ask_approval": {"role": "admin", "expires_minutes": 60, "quorum": 2}, "otherwise": ["f"]},
        {"pause": {"minutes": 30}},
        {"pause": {"until": "07:00", "zone": "Europe/Berlin"}},
        {"ask_approval": {}},
    ]
    flow = TypeAdapter(Flow).validate_json(json.dumps(blocks))
    what = text(office_plan(*steps, flow=flow, on_failure="undo"))
    assert FLOWING in what
    limited = steps[0].model_copy(
        update={"only_if": "1 == 1", "retry": Retry(attempts=2, pause_seconds=9), "timeout_minutes": 5}
    )
    what = text(office_plan(limited))
    assert '   Left out unless "1 == 1"\n   Tried at most 2 times, after 9 s and longer\n' in what
    assert "   Not tried again 5 minutes after its first attempt\n" in what
    assert "In this order" not in what


def test_renewing_how_somebody_proves_who_they_are_says_what_it_takes_and_since_when_the_number_is_theirs() -> None:
    since = datetime(2026, 1, 5, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    to = on_record("+44 1632 960001").model_copy(update={"unchanged_since": since})
    call = check(to).model_copy(update={"is_call_back": True})
    renew = reset().model_copy(update={"resets_proof": True})
    read = text(plan(call, renew))
    assert "Its success proves who the person concerned is, by a call to their number" in read
    assert 'belongs to person "17", unchanged since 2026-01-06]' in read
    assert "called back on a number unchanged for 30 days, and a manager has approved" in read
    assert "CANNOT BE UNDONE" in read
    other = call.model_copy(update={"arguments": {"to": to.model_copy(update={"unchanged_since": None})}})
    assert text(plan(other, renew)) != read
