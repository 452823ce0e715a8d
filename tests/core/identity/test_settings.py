import pytest
from pydantic import ValidationError

from deskhand.identity.resolver import Ambiguity, AmbiguityKind, Resolver
from deskhand.identity.settings import IdentitySettings
from tests.core.identity.cases import make_ticket
from tests.core.identity.world import PlainFacts, companies


def test_domains_are_read_however_they_are_written() -> None:
    settings = IdentitySettings.model_validate(
        {
            "own_domains": ["MSP.Example."],
            "verified_domains": {"10": ["Bücher.example"]},
            "shared_mailboxes": ["A+x@B.example"],
        }
    )
    assert settings.own_domains == ("msp.example",)
    assert settings.verified_domains == {"10": ("xn--bcher-kva.example",)}
    assert settings.shared_mailboxes == ("a@b.example",)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"own_domains": ["https://msp.example"]}, "not a domain name"),
        ({"own_domains": ["msp"]}, "not a domain name"),
        ({"verified_domains": {"10": ["gmail.com"]}}, "anyone can have an address"),
        ({"verified_domains": {"10": ["co.uk"]}}, "anyone can have an address"),
        ({"verified_domains": {"10": ["onmicrosoft.com"]}}, "anyone can have an address"),
        ({"own_domains": ["mail.outlook.com"]}, "anyone can have an address"),
        ({"shared_mailboxes": ["reception"]}, "not an e-mail address"),
        ({"own_domains": ["msp.example"], "verified_domains": {"10": ["noc.msp.example"]}}, "keep one"),
        ({"own_domain": ["msp.example"]}, "Extra inputs"),
    ],
)
def test_a_setting_that_would_mislead_is_refused_with_its_fix(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        IdentitySettings.model_validate(table)


def test_every_setting_is_described() -> None:
    assert all(each.description for each in IdentitySettings.model_fields.values())


def test_verified_domains_of_a_company_that_does_not_exist_are_reported() -> None:
    settings = IdentitySettings(verified_domains={"10": ("a.example",), "Alderfrieght": ("b.example",)})
    assert Resolver(PlainFacts(settings)).clients.unmatched == ("Alderfrieght",)


def test_a_company_is_found_by_id_identifier_or_name_whatever_the_case() -> None:
    settings = IdentitySettings(
        verified_domains={"14": ("a.example",), "ALDERFREIGHT": ("b.example",), "birch & sons joinery": ("c.example",)}
    )
    clients = Resolver(PlainFacts(settings)).clients
    owners = [clients.owners(domain).verified for domain in ("a.example", "b.example", "c.example")]
    assert owners == [{"14"}, {"10"}, {"11"}]


def test_an_own_domain_below_a_clients_is_the_msps() -> None:
    settings = IdentitySettings(
        own_domains=("noc.alderfreight.example",), verified_domains={"10": ("alderfreight.example",)}
    )
    found = Resolver(PlainFacts(settings)).resolve(make_ticket(**{"from": "tia@noc.alderfreight.example"}), ())
    assert isinstance(found, Ambiguity)
    assert found.kind is AmbiguityKind.OWN_STAFF


def test_what_bad_records_hold_is_not_taken_for_the_msps_own_domain() -> None:
    settings = IdentitySettings(own_domains=("quillmere.example",), own_companies=("1",))
    mistyped = {"1": ["quillmere.example", "gmail.com"], "11": ["quillmere.example", "birchjoinery.example"]}
    clients = Resolver(PlainFacts(settings, companies(mistyped))).clients
    assert clients.own == {"1", "11"}
    own = [each for each in ("quillmere.example", "gmail.com", "birchjoinery.example") if clients.is_own_domain(each)]
    assert own == ["quillmere.example"]
