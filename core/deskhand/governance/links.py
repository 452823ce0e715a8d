"""Signed links to requests for approval, for notes in the PSA: each opens one page for whoever signs in, once a person.

A link approves nothing: it leads to the page where a person who may decide does so. It is bound to the request, to the
plan's hash and to an expiry by an HMAC (RFC 2104); whoever has it and cannot sign in has a useless address.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from deskhand.records import approvals
from deskhand.records.accounts import Account, account_name
from deskhand.records.approvals import Approval
from deskhand.records.database import Transaction

_TOKEN = re.compile(r"(a-[0-9a-f]{16})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


class LinkRefusedError(LookupError):
    """A link opens nothing; the message says why and where to go instead, fit for a person."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links and opens them. ``secret`` is known to this desk alone.

    Whoever is for other clients is told no more of a link than of one that is none.
    """

    secret: str

    def token(self, approval: Approval) -> str:
        """Return what a link to a request carries: the same for the same request."""
        expires = int(approval.expires_at.timestamp())
        return f"{approval.id}.{expires}.{self._signature(approval, expires)}"

    def open(self, transaction: Transaction, token: str, *, by: Account) -> Approval:
        """Return the request a link leads to, and keep that this person has opened it. Raises LinkRefusedError."""
        found = _TOKEN.fullmatch(token)
        approval = approvals.find_in(transaction, found[1]) if found is not None else None
        is_ours = found is not None and approval is not None and self._is_signed(approval, int(found[2]), found[3])
        if found is None or approval is None or not is_ours or not by.serves(approval.tenant_id):
            raise LinkRefusedError("this link is not one of this desk's: see Approvals in the console")
        if transaction.clock() >= datetime.fromtimestamp(int(found[2]), UTC):
            raise LinkRefusedError("this link has expired, as the request has: see Approvals in the console")
        if account_name(by.name) in approval.opened_by:
            raise LinkRefusedError(
                "you have opened this link already, and it serves once: see Approvals in the console"
            )
        return approvals.opened(transaction, approval, by=account_name(by.name))

    def _is_signed(self, approval: Approval, expires: int, signature: str) -> bool:
        return hmac.compare_digest(self._signature(approval, expires), signature)

    def _signature(self, approval: Approval, expires: int) -> str:
        said = "|".join(("deskhand approval link", approval.id, approval.plan_sha256, str(expires)))
        digest = hmac.new(self.secret.encode(), said.encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")
