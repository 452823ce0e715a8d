from dataclasses import replace

from deskhand.knowledge.corrections import corrected
from deskhand.knowledge.training import train
from deskhand.records.documents import FieldName
from deskhand.sdk.models import Level, Reference
from tests.core.knowledge.examples import SUBTYPES, TYPES, past

NETWORK, TUNNEL = TYPES["Network"], SUBTYPES["Tunnel"]


def test_what_people_corrected_is_what_is_learned_from() -> None:
    closed = past(3)
    first, second, third = corrected(
        closed, {closed[1].ticket.id: {FieldName.TYPE: NETWORK, FieldName.SUBTYPE: TUNNEL}}
    )
    assert (first, third) == (closed[0], closed[2])
    assert (second.ticket.type, second.ticket.subtype) == (NETWORK, TUNNEL)
    assert second.text == closed[1].text


def test_below_a_type_that_was_wrong_nothing_stands() -> None:
    closed = next(each for each in past(30) if each.ticket.type != NETWORK)
    closed = replace(closed, ticket=replace(closed.ticket, item=Reference("i", "Windows")))
    (found,) = corrected([closed], {closed.ticket.id: {FieldName.TYPE: NETWORK}})
    assert (found.ticket.type, found.ticket.subtype, found.ticket.item) == (NETWORK, None, None)


def test_below_a_type_that_was_confirmed_all_stands() -> None:
    (closed,) = past(1)
    kind = closed.ticket.type
    assert kind is not None
    assert corrected([closed], {closed.ticket.id: {FieldName.TYPE: Reference(kind.id, "other spelling")}})[
        0
    ].ticket.subtype


def test_levels_are_corrected_too() -> None:
    (closed,) = past(1)
    (found,) = corrected([closed], {closed.ticket.id: {FieldName.IMPACT: Reference("high", "high")}})
    assert found.ticket.impact is Level.HIGH
    assert found.ticket.urgency == closed.ticket.urgency


def test_another_label_makes_another_history() -> None:
    closed = past(40)
    plain = train(closed).identity
    assert train(corrected(closed, {})).identity == plain
    assert train(corrected(closed, {closed[0].ticket.id: {FieldName.TYPE: Reference("new", "New")}})).identity != plain
