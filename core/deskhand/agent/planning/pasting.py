"""Quoted text that stands for itself: pasted words of somebody else, which are never orders."""

from deskhand.agent.hostility import warnings_about
from deskhand.agent.planning.clauses import clauses
from deskhand.agent.planning.hearing import Heard, Listener
from deskhand.agent.planning.legible import IllegibleError, legible
from deskhand.agent.planning.refusing import not_understood
from deskhand.agent.planning.words import Kind, words_of


def is_paste(heard: Heard) -> bool:
    """Tell whether a clause is nothing but a quotation, perhaps with “the ticket says” before it."""
    quoted = {at for at, word in enumerate(heard.clause.words) if word.kind is Kind.QUOTE}
    around = heard.role("function") | heard.role("paste") | heard.role("person")
    return bool(quoted) and quoted | around >= set(range(len(heard.clause.words)))


def refuse_orders(heard: Heard, listener: Listener) -> None:
    """Let a quotation pass that only informs; refuse one that holds orders, or that nobody said what to do with."""
    if not heard.role("paste"):
        raise not_understood("quoted text is data: write “text them” or “the ticket says” before, or your own words")
    for word in heard.clause.words:
        if word.kind is Kind.QUOTE and _holds_orders(word.text, listener):
            raise not_understood("the quoted text holds orders: it is data; say in your own words what is to be done")


def _holds_orders(text: str, listener: Listener) -> bool:
    if warnings_about(text):
        return True
    try:
        plain = legible(text)
        return any(listener.hear(each, frozenset()).hearings for each in clauses(plain, words_of(plain)))
    except IllegibleError:
        return bool(text)
