"""What the desk says to a person who asks for something it will not do."""


class DeskRefusedError(Exception):
    """The desk will not do what was asked; the message says why and what would mend it, fit for a person."""
