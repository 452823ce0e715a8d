from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand_psa_connectwise.conditions import UnsafeValueError, any_of, compare
from deskhand_psa_connectwise.simulation.filter_syntax import Both, Comparison, Either, parse
from deskhand_psa_connectwise.simulation.filters import Record, compiled, compiled_for_children

FRAGMENTS = [
    '"',
    "'",
    "\\",
    "*",
    "%",
    " or ",
    " and ",
    "1=1",
    "id>0",
    "(",
    ")",
    "[",
    "]",
    ",",
    "True",
    "null",
    "\x00",
    "\n",
]
unhurried = settings(deadline=None)  # this machine is shared
hostile = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=8)), max_size=8).map("".join)
moments = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@unhurried
@given(hostile)
def test_a_text_is_one_literal_or_refused(value: str) -> None:
    try:
        condition = compare("summary", "=", value)
    except UnsafeValueError:
        return
    assert parse(condition.text) == Comparison("summary", "=", value)


@unhurried
@given(hostile, st.text(max_size=30))
def test_a_hostile_text_matches_only_itself(value: str, other: str) -> None:
    try:
        passes = compiled(compare("summary", "=", value).text)
    except UnsafeValueError:
        return
    assert passes({"id": 1, "summary": value})
    assert passes({"id": 1, "summary": other}) == (other.casefold() == value.casefold())


@unhurried
@given(hostile, hostile)
def test_a_hostile_text_never_widens_what_stands_beside_it(value: str, other: str) -> None:
    try:
        condition = compare("company/id", "=", 7) & compare("summary", "=", value)
    except UnsafeValueError:
        return
    assert parse(condition.text) == Both(Comparison("company/id", "=", 7), Comparison("summary", "=", value))
    assert not compiled(condition.text)({"id": 1, "company": {"id": 8}, "summary": other})


@unhurried
@given(hostile)
def test_a_hostile_address_finds_only_its_owner(value: str) -> None:
    try:
        holds = compare("communicationItems/value", "=", value)
    except UnsafeValueError:
        return
    passes = compiled_for_children((holds & compare("communicationItems/communicationType", "=", "Email")).text)
    known: Record = {"communicationItems": [{"value": "a@b.example", "communicationType": "Email"}]}
    assert passes(known) == (value.casefold() == "a@b.example")


@unhurried
@given(st.one_of(st.booleans(), st.integers(min_value=-(2**40), max_value=2**40)))
def test_numbers_and_booleans_stand_bare(value: int) -> None:
    assert parse(compare("closedFlag", "!=", value).text) == Comparison("closedFlag", "!=", value)


@unhurried
@given(moments)
def test_a_moment_is_read_back_to_the_second(value: datetime) -> None:
    read = parse(compare("lastUpdated", ">=", value).text)
    assert read == Comparison("lastUpdated", ">=", value.strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_a_moment_is_written_in_utc() -> None:
    tokyo = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=9)))
    assert compare("lastUpdated", ">=", tokyo).text == "lastUpdated >= [2026-03-02T00:30:00Z]"


@unhurried
@given(st.lists(st.one_of(st.integers(), st.text(max_size=5)), max_size=4))
def test_a_list_is_one_list_or_refused(values: list[int | str]) -> None:
    try:
        condition = any_of("board/id", values)
    except UnsafeValueError:
        return
    assert parse(condition.text) == Comparison("board/id", "in", tuple(values))


@pytest.mark.parametrize("field", ["", "a b", "id=1 or id", "a//b", "/a", 'a"', "a/", "a(", "1"])
def test_a_field_is_a_name_and_nothing_else(field: str) -> None:
    with pytest.raises(UnsafeValueError):
        compare(field, "=", 1)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(UnsafeValueError):
        compare("lastUpdated", ">=", datetime(2026, 3, 2))  # noqa: DTZ001  # that is the point


@pytest.mark.parametrize("value", ['a"b', "a\\", "a*", "50%", "a[0]", "a\nb", "a\x00", "x" * 251])
def test_what_cannot_be_escaped_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValueError):
        compare("summary", "=", value)


@pytest.mark.parametrize("value", ["O'Brien", "a.b+c@d-e.example", "Müller & Söhne (Nord)", "x_y", "= True"])
def test_what_is_plain_is_not_refused(value: str) -> None:
    assert parse(compare("name", "=", value).text) == Comparison("name", "=", value)


def test_either_and_both_keep_their_brackets() -> None:
    one, two, three = (compare("id", "=", number) for number in (1, 2, 3))
    assert isinstance(parse(((one | two) & three).text), Both)
    assert isinstance(parse((one | (two & three)).text), Either)


def test_an_empty_list_is_not_asked_for() -> None:
    with pytest.raises(UnsafeValueError):
        any_of("id", [])
