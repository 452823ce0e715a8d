"""What the vendor sends, as far as deskhand reads it: unknown fields are ignored, missing ones have a meaning.

Names are the vendor's own, from its OpenAPI document (version 2025.1).
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _empty_is_none(value: Any) -> Any:  # noqa: ANN401  # whatever the vendor sent
    return None if value == "" else value


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""The vendor's clock; some of its dates name no zone and mean UTC."""
OptionalMoment = Annotated[Moment | None, BeforeValidator(_empty_is_none)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]


class Payload(BaseModel):
    """A record of the vendor's, in camelCase."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, hide_input_in_errors=True)


class ReferencePayload(Payload):
    """A reference to another record; ``id`` is missing where the reference is empty."""

    id: int | None = None
    name: Text = ""
    identifier: Text = ""
    sort: int | None = None


class Metadata(Payload):
    """The vendor's notes about a record. ``dateEntered`` and ``sortByDate`` are not in its OpenAPI document."""

    last_updated: OptionalMoment = None
    date_entered: OptionalMoment = None
    sort_by_date: OptionalMoment = None
    updated_by: Text = ""


class Record(Payload):
    """Anything with an id of its own."""

    id: int
    info: Metadata = Field(default=Metadata(), alias="_info")


class TicketPayload(Record):
    """``/service/tickets``."""

    summary: Text = ""
    board: ReferencePayload
    status: ReferencePayload
    company: ReferencePayload | None = None
    site: ReferencePayload | None = None
    contact: ReferencePayload | None = None
    contact_name: Text = ""
    contact_phone_number: Text = ""
    contact_email_address: Text = ""
    type: ReferencePayload | None = None
    sub_type: ReferencePayload | None = None
    item: ReferencePayload | None = None
    owner: ReferencePayload | None = None
    priority: ReferencePayload | None = None
    source: ReferencePayload | None = None
    severity: str | None = None
    impact: str | None = None
    closed_flag: Flag = False
    closed_date: OptionalMoment = None
    actual_hours: float | None = None


class NotePayload(Record):
    """``/service/tickets/{id}/notes`` and ``…/allNotes``, which name some fields differently."""

    note_type: Text = "TicketNote"
    text: Text = ""
    detail_description_flag: Flag = False
    internal_analysis_flag: Flag = False
    resolution_flag: Flag = False
    member: ReferencePayload | None = None
    contact: ReferencePayload | None = None
    date_created: OptionalMoment = None
    time_start: OptionalMoment = None
    created_by: Text = ""
    original_author: Text = ""


class TimeEntryPayload(Record):
    """``/time/entries``."""

    charge_to_id: int | None = None
    member: ReferencePayload | None = None
    time_start: Moment
    actual_hours: float | None = None
    notes: Text = ""
    internal_notes: Text = ""


class CompanyPayload(Record):
    """``/company/companies``."""

    identifier: Text = ""
    name: Text = ""
    website: Text = ""
    deleted_flag: Flag = False


class CommunicationPayload(Payload):
    """An address or a number of a contact."""

    value: Text = ""
    communication_type: Text = ""
    default_flag: Flag = False


class ContactPayload(Record):
    """``/company/contacts``."""

    first_name: Text = ""
    last_name: Text = ""
    company: ReferencePayload | None = None
    site: ReferencePayload | None = None
    title: Text = ""
    inactive_flag: Flag = False
    communication_items: tuple[CommunicationPayload, ...] = ()


class ConfigurationPayload(Record):
    """``/company/configurations``."""

    name: Text = ""
    type: ReferencePayload | None = None
    company: ReferencePayload | None = None
    contact: ReferencePayload | None = None
    site: ReferencePayload | None = None
    serial_number: Text = ""
    active_flag: bool | None = None


class MemberPayload(Record):
    """``/system/members``."""

    identifier: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    primary_email: Text = ""
    office_email: Text = ""
    inactive_flag: Flag = False


class ChoicePayload(Record):
    """A board, or a type, item or status of one; ``inactive`` is how statuses spell ``inactiveFlag``."""

    name: Text = ""
    inactive_flag: Flag = False
    inactive: Flag = False
    project_flag: Flag = False
    sort_order: int | None = None


class SubtypePayload(Record):
    """``/service/boards/{id}/subtypes``."""

    name: Text = ""
    inactive_flag: Flag = False
    type_association_ids: tuple[int, ...] = ()


class PriorityPayload(Record):
    """``/service/priorities``."""

    name: Text = ""
    sort_order: int | None = None
    level: Text = ""


class CallbackPayload(Record):
    """``/system/callbacks``."""

    url: Text = ""
    type: Text = ""
    level: Text = ""
    object_id: int | None = None
    inactive_flag: Flag = False


class CompanyInformation(BaseModel):
    """``/login/companyinfo``: the codebase ends with a slash, ``IsCloud`` is the text "True" or "False"."""

    model_config = ConfigDict(extra="ignore")

    codebase: str = Field(alias="Codebase", pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*/$")
    is_cloud: Annotated[bool, BeforeValidator(lambda value: str(value).lower() == "true")] = Field(
        default=False, alias="IsCloud"
    )


class Fault(Payload):
    """One of the reasons a request was refused."""

    code: Text = ""
    field: Text = ""


class Refusal(Payload):
    """The body of an error; throttling spells it differently and has no code."""

    code: Text = "refused"
    errors: tuple[Fault, ...] = ()
