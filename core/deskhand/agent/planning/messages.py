"""What a person is texted where the technician did not say: fixed sentences of ours, by what the plan does for them."""

from collections.abc import Sequence
from typing import Final

_DONE: Final = {
    "en": {
        "reset_password": "your password was reset",
        "revoke_sessions": "you were signed out on all your devices",
        "disable_account": "your account was blocked",
        "enable_account": "your account was enabled again",
        "create_temporary_access_pass": "a temporary access pass was issued for you",
        "delete_temporary_access_pass": "your temporary access pass was withdrawn",
        "add_group_member": "your memberships were changed",
        "remove_group_member": "your memberships were changed",
    },
    "de": {
        "reset_password": "Ihr Passwort wurde zurückgesetzt",
        "revoke_sessions": "Sie wurden auf allen Geräten abgemeldet",
        "disable_account": "Ihr Konto wurde gesperrt",
        "enable_account": "Ihr Konto wurde wieder freigegeben",
        "create_temporary_access_pass": "Für Sie wurde ein befristeter Zugriffspass ausgestellt",
        "delete_temporary_access_pass": "Ihr befristeter Zugriffspass wurde zurückgezogen",
        "add_group_member": "Ihre Gruppenmitgliedschaften wurden geändert",
        "remove_group_member": "Ihre Gruppenmitgliedschaften wurden geändert",
    },
    "fr": {
        "reset_password": "Votre mot de passe a été réinitialisé",
        "revoke_sessions": "Vous avez été déconnecté de tous vos appareils",
        "disable_account": "Votre compte a été bloqué",
        "enable_account": "Votre compte a été réactivé",
        "create_temporary_access_pass": "Un passe d’accès temporaire a été créé pour vous",
        "delete_temporary_access_pass": "Votre passe d’accès temporaire a été retiré",
        "add_group_member": "Vos groupes ont été modifiés",
        "remove_group_member": "Vos groupes ont été modifiés",
    },
    "es": {
        "reset_password": "Se ha restablecido su contraseña",
        "revoke_sessions": "Se ha cerrado su sesión en todos los dispositivos",
        "disable_account": "Su cuenta ha sido bloqueada",
        "enable_account": "Su cuenta ha sido reactivada",
        "create_temporary_access_pass": "Se ha emitido un pase de acceso temporal para usted",
        "delete_temporary_access_pass": "Se ha retirado su pase de acceso temporal",
        "add_group_member": "Se han cambiado sus grupos",
        "remove_group_member": "Se han cambiado sus grupos",
    },
    "nl": {
        "reset_password": "Uw wachtwoord is opnieuw ingesteld",
        "revoke_sessions": "U bent op al uw apparaten afgemeld",
        "disable_account": "Uw account is geblokkeerd",
        "enable_account": "Uw account is weer geactiveerd",
        "create_temporary_access_pass": "Er is een tijdelijke toegangspas voor u aangemaakt",
        "delete_temporary_access_pass": "Uw tijdelijke toegangspas is ingetrokken",
        "add_group_member": "Uw groepen zijn gewijzigd",
        "remove_group_member": "Uw groepen zijn gewijzigd",
    },
}
_END: Final = {
    "en": "{done} by {msp}{asked}. If this was not you, call us.",
    "de": "{done} ({msp}). Falls Sie das nicht veranlasst haben, rufen Sie uns bitte an.",
    "fr": "{done} ({msp}). Si vous n’êtes pas à l’origine de cette demande, appelez-nous.",
    "es": "{done} ({msp}). Si usted no lo ha pedido, llámenos.",
    "nl": "{done} ({msp}). Hebt u hier niet om gevraagd, bel ons dan.",
}
_ASKED: Final = {"en": " at your request"}
_JOINT: Final = {"en": " and "}
_PRINTED_MSP: Final = 40


def message(done: Sequence[str], *, msp: str, language: str, is_requester: bool) -> str | None:
    """Write what a person is told of these capabilities, in order; None where there is nothing to tell."""
    spoken = language if language in _DONE else "en"
    told = tuple(dict.fromkeys(_DONE[spoken][each] for each in done if each in _DONE[spoken]))
    if not told:
        return None
    asked = _ASKED.get(spoken, "") if is_requester else ""
    done_so_far = _JOINT.get(spoken, ". ").join(told)
    sentence = done_so_far[0].upper() + done_so_far[1:]
    return _END[spoken].format(done=sentence, msp=msp[:_PRINTED_MSP], asked=asked)
