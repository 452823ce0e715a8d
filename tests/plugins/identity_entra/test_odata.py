import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand_identity_entra.odata import UnsafeValueError, any_equals, equals, literal
from deskhand_identity_entra.simulation.filters import predicate_of
from deskhand_identity_entra.simulation.tenants import Record

OTHERS: list[Record] = [
    {"mail": "", "proxyAddresses": []},
    {"mail": "someone@else.example", "proxyAddresses": ["SMTP:someone@else.example"]},
    {"mail": None, "proxyAddresses": None},
]
HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="'\" orx=1()/,:", max_size=40),
    st.sampled_from(
        ["' or mail ne '", "') or (mail eq '", "x' or startswith(mail,'s", "''", "'", "\\'", "x%27 or 1 eq 1"]
    ),
)


@given(HOSTILE)
def test_a_value_matches_itself_and_never_becomes_part_of_the_filter(value: str) -> None:
    try:
        finished = equals("mail", value) | any_equals("proxyAddresses", f"smtp:{value}")
    except UnsafeValueError:
        return
    predicate = predicate_of(finished.text)
    assert not predicate.is_advanced
    assert predicate.holds({"mail": value, "proxyAddresses": []})
    assert predicate.holds({"mail": None, "proxyAddresses": [f"SMTP:{value}"]})
    for other in OTHERS:
        if str(other["mail"]).lower() != value.lower():
            assert not predicate.holds(other)


@given(st.text())
def test_a_literal_has_no_single_quote_of_its_own(value: str) -> None:
    try:
        inner = literal(value)[1:-1]
    except UnsafeValueError:
        return
    assert "'" not in inner.replace("''", "")
    assert inner.replace("''", "'") == value


def test_quotes_are_doubled() -> None:
    assert equals("mail", "pat.o'neil@ada.example").text == "mail eq 'pat.o''neil@ada.example'"


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a" * 321, "a\u202eb"])
def test_what_no_address_holds_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValueError):
        literal(value)


def test_a_field_is_never_a_value() -> None:
    with pytest.raises(UnsafeValueError):
        equals("mail eq 'x' or mail", "x")
