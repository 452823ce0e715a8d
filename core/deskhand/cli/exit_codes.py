"""What the exit code of every command means; `docs/guide/commands.md` lists the same."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes."""

    OK = 0
    """Everything asked for was done."""
    FAILED = 1
    """A check failed: a ticket lost, an audit entry changed, a doctor finding."""
    USAGE = 2
    """The command line was not understood."""
    CONFIGURATION = 3
    """The configuration file cannot be used; the message names file, key and fix."""
    UNAVAILABLE = 4
    """The PSA, a file or a port this command needs could not be reached."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; nothing is lost."""
