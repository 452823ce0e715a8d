"""How far an automation has come at one client."""

from enum import StrEnum


class Stage(StrEnum):
    """The stages, in order; each is reached only from the one before, or by an explained exception."""

    OFF = "off"
    SHADOW = "shadow"
    """It says on the record what it would have done, and does nothing."""
    ASK = "ask"
    """It is recommended to a technician."""
    AUTO = "auto"
    """It begins by itself; what needs an approval still waits for one."""

    @property
    def place(self) -> int:
        """Count from off, 0."""
        return list(Stage).index(self)
