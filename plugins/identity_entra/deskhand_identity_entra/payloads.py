"""What Graph sends, as far as deskhand reads it: unknown fields are ignored, null ones have a meaning.

Names are the vendor's own, from its OpenAPI document (v1.0).
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Moment = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: () if value is None else value)]


class Payload(BaseModel):
    """A record of the vendor's, in camelCase."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, hide_input_in_errors=True)


class Record(Payload):
    """Anything with an id of its own."""

    id: Annotated[str, Field(min_length=1)]


class UserPayload(Record):
    """``/users``. ``on_premises_sync_enabled`` is null for a user who never was synchronised."""

    display_name: Text = ""
    given_name: Text = ""
    surname: Text = ""
    user_principal_name: Text = ""
    mail: Text = ""
    proxy_addresses: Texts = ()
    business_phones: Texts = ()
    mobile_phone: Text = ""
    job_title: Text = ""
    user_type: Text = ""
    account_enabled: bool | None = None
    on_premises_sync_enabled: bool | None = None
    last_password_change_date_time: Moment | None = None
    sign_in_sessions_valid_from_date_time: Moment | None = None


class VerifiedDomainPayload(Payload):
    """One of an organization's ``verifiedDomains``."""

    name: Text = ""


class OrganizationPayload(Record):
    """``/organization``: the tenant a token belongs to."""

    display_name: Text = ""
    verified_domains: tuple[VerifiedDomainPayload, ...] = ()


class GroupPayload(Record):
    """``/groups``."""

    display_name: Text = ""
    group_types: Texts = ()
    mail_enabled: bool | None = None
    is_assignable_to_role: bool | None = None
    on_premises_sync_enabled: bool | None = None


class MembershipPayload(Record):
    """``/users/{id}/memberOf``: groups, directory roles and administrative units, told apart by ``@odata.type``.

    Of a kind the app may not read, Graph sends the id and the type alone.
    """

    kind: Text = Field(default="", alias="@odata.type")


class MethodPayload(Record):
    """``/users/{id}/authentication/methods``: of many kinds, told apart by ``@odata.type``."""

    kind: Text = Field(default="", alias="@odata.type")
    display_name: Text = ""
    phone_number: Text = ""
    email_address: Text = ""


class PassPayload(Record):
    """``/users/{id}/authentication/temporaryAccessPassMethods``; only the answer to its creation holds the code."""

    is_usable: bool | None = None
    is_usable_once: bool | None = None
    lifetime_in_minutes: int | None = None
    start_date_time: Moment | None = None
    temporary_access_pass: str | None = Field(default=None, repr=False)
