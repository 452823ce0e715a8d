import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.identity.addresses import Address, addresses_in, canonical_domain, parents, parse, readable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a@b.example", "a@b.example"),
        (" A.B@C.Example. ", "a.b@c.example"),
        ("mailto:a@b.example", "a@b.example"),
        ("A Person <a@b.example>", "a@b.example"),
        ("<a@b.example>", "a@b.example"),
        ("o'neil+x=y@b.example", "o'neil+x=y@b.example"),
        ("ü@b.example", "ü@b.example"),
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ("a@bu\u0308cher.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
    ],
)
def test_every_spelling_of_an_address_reads_the_same(written: str, read: str) -> None:
    assert str(parse(written)) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "a",
        "@b.example",
        "a@",
        "a@b",
        "a@b@c.example",
        "a b@c.example",
        "a@b.example;c@d.example",
        "a@b.example <c@d.example>",
        '"a"@b.example',
        "a(comment)@b.example",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "a@-b.example",
        "a@b_c.example",
        "a@b..example",
        "a@.b.example",
        "a@b.example..",
        "a@\u00adb.example",
        "a\u200b@b.example",
        "\uff41@b.example",
        "a@b\uff0eexample",
        "a@b\u3002example",
        "a@ﬁ.example",
        "K@b.example".replace("K", "\u212a"),
        "a@xn--\u00fc.example",
        "a@xn--99999999999.example",
        "a@" + "b" * 64 + ".example",
        "a" * 65 + "@b.example",
        "a@" + "b." * 130 + "example",
    ],
)
def test_what_is_no_plain_address_is_refused(written: str) -> None:
    assert parse(written) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_an_address(text: str) -> None:
    for written in (text, f"{text}@b.example", f"a@{text}", f"a@{text}.example"):
        address = parse(written)
        if address:
            assert parse(str(address)) == address
            assert canonical_domain(address.domain) == address.domain
            assert address.domain.isascii()


def test_a_tag_is_another_spelling_of_the_same_mailbox() -> None:
    address = parse("a+tag@bücher.example")
    assert address is not None
    assert address.untagged == Address("a", "xn--bcher-kva.example")
    assert address.spellings == (
        "a+tag@xn--bcher-kva.example",
        "a@xn--bcher-kva.example",
        "a+tag@bücher.example",
        "a@bücher.example",
    )


def test_a_mailbox_that_is_all_tag_keeps_it() -> None:
    address = parse("+tag@b.example")
    assert address is not None
    assert address.untagged == address


def test_a_domain_is_shown_as_people_read_it() -> None:
    assert readable("xn--bcher-kva.example") == "bücher.example"
    assert readable("b.example") == "b.example"


def test_the_domains_above_a_domain_end_before_the_last_label() -> None:
    assert list(parents("a.b.c.example")) == ["a.b.c.example", "b.c.example", "c.example"]


def test_addresses_are_found_in_prose_once_each_and_not_without_end() -> None:
    text = "Ask a@b.example, (c@d.example) or <a@b.example>. " + " ".join(f"n{n}@e.example" for n in range(50))
    assert [str(each) for each in addresses_in(text, at_most=3)] == ["a@b.example", "c@d.example", "n0@e.example"]
