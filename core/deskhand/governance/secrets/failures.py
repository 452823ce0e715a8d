"""What goes wrong with stored secrets, told so that it can be mended and without a word of the secret."""


class SecretStoreError(Exception):
    """A secret cannot be kept or read; ``fix`` says what mends it. Neither holds a secret."""

    def __init__(self, problem: str, fix: str) -> None:
        """Keep what is wrong and what mends it."""
        super().__init__(f"{problem}: {fix}")
        self.problem = problem
        self.fix = fix
