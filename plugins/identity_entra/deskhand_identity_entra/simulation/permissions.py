"""Which application permissions let a call through, operation by operation, after Graph's reference."""

import re

from deskhand.sdk.testing.simulator import SimulatedRequest

ALLOWED = (
    ("GET", r"/organization", {"Organization.Read.All", "Directory.Read.All"}),
    ("GET", r"/users(/[^/]+)?", {"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}),
    ("POST", r"/users/[^/]+/revokeSignInSessions", {"User.RevokeSessions.All", "User.ReadWrite.All"}),
    (
        "GET",
        r"/users/[^/]+/memberOf",
        {"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Directory.Read.All"},
    ),
    (
        "GET",
        r"/users/[^/]+/authentication/temporaryAccessPassMethods",
        {
            "UserAuthMethod-TAP.Read.All",
            "UserAuthMethod-TAP.ReadWrite.All",
            "UserAuthenticationMethod.Read.All",
            "UserAuthenticationMethod.ReadWrite.All",
        },
    ),
    (
        "POST|DELETE",
        r"/users/[^/]+/authentication/temporaryAccessPassMethods(/[^/]+)?",
        {"UserAuthMethod-TAP.ReadWrite.All", "UserAuthenticationMethod.ReadWrite.All"},
    ),
    (
        "DELETE",
        r"/users/[^/]+/authentication/(phone|microsoftAuthenticator|softwareOath)Methods/[^/]+",
        {"UserAuthenticationMethod.ReadWrite.All"},
    ),
    (
        "GET",
        r"/users/[^/]+/authentication/methods",
        {"UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"},
    ),
    (
        "GET",
        r"/groups(/.*)?",
        {"GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Directory.Read.All"},
    ),
    ("POST|DELETE", r"/groups/.+", {"GroupMember.ReadWrite.All", "Group.ReadWrite.All"}),
)
FIELDS = {
    b'"passwordProfile"': {"User-PasswordProfile.ReadWrite.All", "User.ReadWrite.All"},
    b'"accountEnabled"': {"User.EnableDisableAccount.All", "User.ReadWrite.All"},
}
"""A change of a user needs a permission for each field it names."""


def is_allowed(request: SimulatedRequest, granted: set[str]) -> bool:
    """Tell whether these permissions let the request through; paths are without ``/v1.0``."""
    if request.method == "PATCH":
        return all(granted & names for field, names in FIELDS.items() if field in request.body)
    return any(
        re.fullmatch(method, request.method) and re.fullmatch(path, request.path) and granted & names
        for method, path, names in ALLOWED
    )
