"""Why a clause becomes no step, said so that a technician can mend it."""

from deskhand.automation.plan import Refusal, RefusalReason
from deskhand.knowledge.text import visible

LONGEST_DETAIL = 400
LONGEST_CLAUSE = 500
LONGEST_OPTION = 120
MOST_OPTIONS = 6


class RefusedClauseError(Exception):
    """A clause cannot become a step; ``options`` are what it could have meant."""

    def __init__(self, reason: RefusalReason, detail: str, options: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.options = options

    def of(self, clause: str) -> Refusal:
        """Make the refusal of a clause."""
        options = tuple(dict.fromkeys(one_line(each, LONGEST_OPTION) for each in self.options))[:MOST_OPTIONS]
        detail = one_line(self.detail, LONGEST_DETAIL)
        return Refusal(clause=shortened(clause), reason=self.reason, detail=detail, options=options)


def one_line(text: str, limit: int) -> str:
    """Return text of ours as one line of at most so many characters; what others wrote is made inert before."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shortened(clause: str) -> str:
    """Cut a clause to what a document holds."""
    return clause if len(clause) <= LONGEST_CLAUSE else clause[: LONGEST_CLAUSE - 1] + "…"


def not_understood(detail: str, options: tuple[str, ...] = ()) -> RefusedClauseError:
    """Refuse what makes no sense here."""
    return RefusedClauseError(RefusalReason.NOT_UNDERSTOOD, detail, options)


def ambiguous(detail: str, options: tuple[str, ...]) -> RefusedClauseError:
    """Refuse what could mean several things."""
    return RefusedClauseError(RefusalReason.AMBIGUOUS, detail, options)


def not_permitted(detail: str) -> RefusedClauseError:
    """Refuse what this account, client or order of steps does not allow."""
    return RefusedClauseError(RefusalReason.NOT_PERMITTED, detail)


def not_available(detail: str) -> RefusedClauseError:
    """Refuse what is understood and cannot be done here."""
    return RefusedClauseError(RefusalReason.NOT_AVAILABLE, detail)


def fact_missing(detail: str, options: tuple[str, ...] = ()) -> RefusedClauseError:
    """Refuse for want of something on record."""
    return RefusedClauseError(RefusalReason.FACT_MISSING, detail, options)
