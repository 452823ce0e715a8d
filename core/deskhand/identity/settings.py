"""What an administrator can say about whose ticket is whose."""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from deskhand.identity.addresses import canonical_domain, parents, parse
from deskhand.identity.public_domains import is_public


def _domain(text: str) -> str:
    domain = canonical_domain(text)
    if domain is None:
        raise ValueError("not a domain name; write it like client.example, without https:// or @")
    return domain


def _private_domain(text: str) -> str:
    domain = _domain(text)
    if is_public(domain):
        raise ValueError("anyone can have an address at this domain, so it cannot tell whose a ticket is; remove it")
    return domain


def _address(text: str) -> str:
    address = parse(text)
    if address is None:
        raise ValueError("not an e-mail address; write it like info@client.example")
    return str(address.untagged)


PrivateDomain = Annotated[str, AfterValidator(_private_domain)]


class IdentitySettings(BaseModel):
    """How the desk tells whose ticket it is. Companies are named by PSA id, identifier or name."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    own_domains: tuple[PrivateDomain, ...] = Field(
        default=(), description="The MSP's own mail domains: mail from them is never taken for a client's."
    )
    own_companies: tuple[str, ...] = Field(
        default=(), description="The MSP's own company in the PSA: staff write there for themselves and for clients."
    )
    catch_all_companies: tuple[str, ...] = Field(
        default=(
            "Catchall",
            "Catch-all",
            "Catchall (for email connector)",
            "Unknown",
            "Unknown/Catchall",
            "Unassigned",
        ),
        description="PSA companies that collect what the PSA could not place; never taken for a client.",
    )
    verified_domains: dict[str, tuple[PrivateDomain, ...]] = Field(
        default_factory=dict, description="Mail domains a client has proven to own, by company; subdomains count too."
    )
    shared_mailboxes: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(
        default=(), description="Addresses from which several clients write; their tickets always wait for a person."
    )
    public_domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = Field(
        default=(), description="Further domains at which anyone can have an address, beside the well-known ones."
    )
    alert_sources: tuple[str, ...] = Field(
        default=(),
        description="Ticket sources (id or name) only your monitoring can write: a device named in the summary counts.",
    )

    @model_validator(mode="after")
    def _own_domains_are_no_clients(self) -> Self:
        for company, domains in self.verified_domains.items():
            if any(above in self.own_domains for domain in domains for above in parents(domain)):
                raise ValueError(f"verified_domains.{company} lists a domain that own_domains lists too; keep one")
        return self
