"""The cookies: a session at the top level, one in the PSA's frame, a sign-in under way, and light or dark.

``Partitioned`` is written by hand: Starlette takes it from Python 3.14 on only.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders

_SAFE, _PLAIN = "__Host-deskhand", "deskhand-session"
_FRAMED = "__Host-deskhand-panel"
_UNDERWAY_SAFE, _UNDERWAY_PLAIN = "__Host-deskhand-entra", "deskhand-entra"
_UNDERWAY_SECONDS = 600
_THEME = "deskhand-theme"
_YEAR = 365 * 24 * 3600


def session_token(cookies: Mapping[str, str], *, is_secure: bool) -> str:
    """Return the token of the session at the top level, empty where there is none."""
    return cookies.get(_SAFE if is_secure else _PLAIN, "")


def session_cookie(token: str, *, is_secure: bool) -> str:
    """Return the header of a session at the top level, for a program that has its own."""
    return f"{_SAFE if is_secure else _PLAIN}={token}"


def framed_token(cookies: Mapping[str, str], *, is_secure: bool) -> str:
    """Return the token of a session that began inside a frame: it is good for the panel only."""
    return cookies.get(_FRAMED, "") if is_secure else ""


def keep_session(headers: MutableHeaders, token: str, *, is_secure: bool, is_framed: bool) -> None:
    """Have the browser keep a session until it is closed. Scripts cannot read it, other sites cannot send it."""
    if is_framed:
        headers.append("set-cookie", f"{_FRAMED}={token}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned")
    elif is_secure:
        headers.append("set-cookie", f"{_SAFE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax")
    else:
        headers.append("set-cookie", f"{_PLAIN}={token}; Path=/; HttpOnly; SameSite=Lax")


def forget_session(headers: MutableHeaders, *, is_secure: bool, is_framed: bool) -> None:
    """Have the browser drop the session's cookie."""
    if is_framed:
        headers.append("set-cookie", f"{_FRAMED}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=None; Partitioned")
    elif is_secure:
        headers.append("set-cookie", f"{_SAFE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
    else:
        headers.append("set-cookie", f"{_PLAIN}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")


def underway_token(cookies: Mapping[str, str], *, is_secure: bool) -> str:
    """Return what finds a sign-in that is under way; the sign-in itself is on the server."""
    return cookies.get(_UNDERWAY_SAFE if is_secure else _UNDERWAY_PLAIN, "")


def keep_underway(headers: MutableHeaders, token: str, *, is_secure: bool) -> None:
    """Have the browser keep it until it comes back; Lax, so that it is sent when another site leads back here."""
    name, secure = (_UNDERWAY_SAFE, "; Secure") if is_secure else (_UNDERWAY_PLAIN, "")
    kept = f"Max-Age={_UNDERWAY_SECONDS if token else 0}"
    headers.append("set-cookie", f"{name}={token}; Path=/; {kept}{secure}; HttpOnly; SameSite=Lax")


def theme(cookies: Mapping[str, str]) -> str:
    """Return ``light`` or ``dark`` where the visitor chose, else nothing: as the system is."""
    chosen = cookies.get(_THEME, "")
    return chosen if chosen in {"light", "dark"} else ""


def keep_theme(headers: MutableHeaders, chosen: str, *, is_secure: bool) -> None:
    """Have the browser keep what was chosen."""
    value = chosen if chosen in {"light", "dark"} else ""
    kept = f"Max-Age={_YEAR}" if value else "Max-Age=0"
    headers.append("set-cookie", f"{_THEME}={value}; Path=/; {kept}; SameSite=Lax{'; Secure' if is_secure else ''}")
