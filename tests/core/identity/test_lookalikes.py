import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.identity.lookalikes import LookAlikes, distance, skeleton

CLIENTS = LookAlikes(
    ["pellard.example", "marlowtern.example", "larch.co.uk", "abc.example", "it.example", "oak-hill.example"]
)


@pytest.mark.parametrize(
    ("stranger", "client"),
    [
        ("pellard.example.evil.example", "pellard.example"),
        ("pe11ard.example", "pellard.example"),
        ("peIlard.example".lower(), "pellard.example"),
        ("pellards.example", "pellard.example"),
        ("marIowtem.example".lower(), "marlowtern.example"),
        ("marlow-tern.example", "marlowtern.example"),
        ("oakhill.example", "oak-hill.example"),
        ("oak-hill-support.example", "oak-hill.example"),
        ("larch.com", "larch.co.uk"),
        ("abc.net", "abc.example"),
    ],
)
def test_a_domain_made_to_be_mistaken_is_recognised(stranger: str, client: str) -> None:
    assert CLIENTS.resembled(stranger) == client


@pytest.mark.parametrize(
    "stranger",
    [
        "pellard.example",
        "abd.example",
        "hit.example",
        "foo.it",
        "support.example",
        "larder.example",
        "quite-other.example",
    ],
)
def test_a_clients_own_domain_and_an_unlike_one_resemble_nobody(stranger: str) -> None:
    assert CLIENTS.resembled(stranger) is None


words = st.text("abcl1i0orn", min_size=1, max_size=9)


@given(words, words)
def test_slips_are_counted_alike_from_both_sides(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
    assert abs(len(left) - len(right)) <= distance(left, right) <= max(len(left), len(right))


@given(words, st.integers(0, 8))
def test_one_slip_counts_one(word: str, place: int) -> None:
    place %= len(word)
    assert distance(word, word[:place] + word[place + 1 :]) == 1
    assert distance(word, f"{word[:place]}z{word[place:]}") == 1
    assert distance(word, f"{word[:place]}z{word[place + 1 :]}") == 1


@given(st.text(max_size=30))
def test_a_skeleton_has_no_skeleton_of_its_own_case(text: str) -> None:
    assert skeleton(text.upper().lower()) == skeleton(text.lower()) or not text.isascii()


@given(st.sampled_from(["pellarddental", "marlowtern", "hollerbeck"]), st.integers(0, 12))
def test_any_single_slip_in_a_long_name_is_seen(name: str, place: int) -> None:
    place %= len(name)
    known = LookAlikes([f"{name}.example"])
    for typed in (
        name[:place] + name[place + 1 :],
        f"{name[:place]}x{name[place:]}",
        f"{name[:place]}x{name[place + 1 :]}",
    ):
        assert known.resembled(f"{typed}.example") == f"{name}.example"
