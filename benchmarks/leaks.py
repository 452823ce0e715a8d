"""How long the leak scanner takes for a kilobyte of text, with few secrets and with many."""

import secrets
import time

from pydantic import SecretStr

from deskhand.governance.leaks.scanner import LeakScanner

KILOBYTES = 2_000
WORDS = "the printer on the second floor prints blank pages since this morning and nobody changed anything "


def main() -> None:
    """Print milliseconds a kilobyte for 10, 100 and 500 secrets."""
    text = (WORDS * (1024 * KILOBYTES // len(WORDS) + 1))[: 1024 * KILOBYTES]
    for count in (10, 100, 500):
        known = {f"secret {number}": SecretStr(secrets.token_urlsafe(32)) for number in range(count)}
        began = time.perf_counter()
        scanner = LeakScanner(known)
        built = time.perf_counter()
        assert not scanner.find(text)  # noqa: S101  # the figure is of texts that hold none
        ended = time.perf_counter()
        print(f"{count:4} secrets: {1000 * (ended - built) / KILOBYTES:.3f} ms/KB, made in {built - began:.2f} s")


if __name__ == "__main__":
    main()
