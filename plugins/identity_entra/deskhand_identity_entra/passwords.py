"""Temporary passwords: long, random, and readable over the telephone."""

import secrets

from pydantic import SecretStr

CONSONANTS, VOWELS, DIGITS = "bcdfghjkmnprstvwxz", "aeiu", "23456789"
"""Without letters and digits that people mistake for each other."""
SYLLABLES_IN_A_GROUP = 2
GROUPS = 4


def temporary_password() -> SecretStr:
    """Make a password of four pronounceable groups and a number, such as ``Bade-fuki-mora-zine-47``: 55 bits.

    It holds upper and lower case, digits and a symbol, as Entra demands of three of the four, and is to be changed at
    the first sign-in.
    """
    groups = ["".join(_syllable() for _ in range(SYLLABLES_IN_A_GROUP)) for _ in range(GROUPS)]
    number = "".join(secrets.choice(DIGITS) for _ in range(2))
    return SecretStr("-".join([groups[0].capitalize(), *groups[1:], number]))


def _syllable() -> str:
    return secrets.choice(CONSONANTS) + secrets.choice(VOWELS)
