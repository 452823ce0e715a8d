"""MSAL as we use it: one tenant, a client secret, our own HTTP client, and no token kept."""

from urllib.parse import urlsplit

from msal import ConfidentialClientApplication, TokenCache

from deskhand.governance.entra.settings import EntraSignInSettings
from deskhand.sdk.errors import UnavailableError
from deskhand.sdk.http import HttpClient
from deskhand.sdk.msal_http import MsalHttp


class NoCache(TokenCache):  # type: ignore[misc]  # msal has no types
    """Keeps nothing: what was learned of a person is in their session, and no token of theirs is needed again."""

    def add(self, event: object, now: object = None) -> None:
        """Forget it."""


def application(settings: EntraSignInSettings, http: HttpClient, *, fix: str) -> ConfidentialClientApplication:
    """Read where the endpoints are, which does not change while the desk runs. Raises UnavailableError."""
    secret = settings.client_secret
    try:
        return ConfidentialClientApplication(
            settings.client_id,
            client_credential=secret.get_secret_value() if secret is not None else "",
            authority=f"https://{urlsplit(settings.authority).netloc}/{settings.tenant_id}",
            validate_authority=False,
            instance_discovery=False,
            exclude_scopes=["offline_access"],
            token_cache=NoCache(),
            http_client=MsalHttp(http, settings.authority, settings.tenant_id, fix),
        )
    except (ValueError, KeyError, TypeError) as error:
        name = type(error).__name__
        raise UnavailableError(f"{settings.authority}: its configuration is not as documented: {name}") from None
