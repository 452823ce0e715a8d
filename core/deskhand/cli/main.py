"""The command line's front door. Commands are imported when they are called, so that --help is instant."""

import importlib
import sys
from io import TextIOWrapper
from typing import Any

import click

from deskhand.cli.exit_codes import ExitCode

_COMMANDS = {
    "account": ("deskhand.cli.account", "Add people, give them roles and passwords."),
    "approval": ("deskhand.cli.approval", "Read what somebody wants done, and approve or deny it."),
    "audit": ("deskhand.cli.audit", "Verify, show and export the record."),
    "automation": ("deskhand.cli.automation", "Draft, check, back-test, approve and roll out automations."),
    "config": ("deskhand.cli.config", "Check the configuration, or explain every setting."),
    "db": ("deskhand.cli.db", "Show, migrate or rebuild the databases."),
    "demo": ("deskhand.cli.demo", "Run a whole rehearsal MSP on this machine."),
    "doctor": ("deskhand.cli.doctor", "Find what would keep the desk from working."),
    "go": ("deskhand.cli.go", "Let go again what was stopped."),
    "hand": ("deskhand.cli.hand", "Carry runs out beside the desk, in another process or on another machine."),
    "init": ("deskhand.cli.init", "Write a configuration to start from."),
    "model": ("deskhand.cli.model", "Install or inspect the local model."),
    "plan": ("deskhand.cli.plan", "Say what shall be done on a ticket, and see what it would change."),
    "plugin": ("deskhand.cli.plugin", "List plugins, and why any was refused."),
    "policy": ("deskhand.cli.policy", "Show and change what clients allow, and explain decisions."),
    "quarantine": ("deskhand.cli.quarantine", "Say whose ticket it is where the desk could not tell."),
    "report": ("deskhand.cli.report", "Report runs, outcomes and minutes saved, by month and client; and drift."),
    "review": ("deskhand.cli.review", "Look at decisions that were drawn, and say whether they were right."),
    "secret": ("deskhand.cli.secret", "Keep secrets sealed: set, list, rotate, remove."),
    "run": ("deskhand.cli.run", "Run the desk: poll, triage, write notes, serve the console."),
    "runs": ("deskhand.cli.runs", "See what is being carried out; stop, take up again, put back."),
    "stop": ("deskhand.cli.stop", "Stop everything, or one client, connector or automation, at once."),
    "web": ("deskhand.cli.web", "Describe the desk's own HTTP surface."),
    "triage": ("deskhand.cli.triage", "See what was thought of a ticket; apply it, or say what it should be."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands, in alphabetical order."""
        del ctx
        return sorted(_COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  # click's signature
        """Run a command; Ctrl-C, and an unanswered question, end it with the documented code."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\ndeskhand: interrupted; nothing is lost", err=True)
            ctx.exit(ExitCode.INTERRUPTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the names and one-line help."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_COMMANDS.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deskhand")
def cli() -> None:
    """Triage tickets beside your PSA, with a local model, on your own server."""


def main(arguments: list[str] | None = None) -> Any:  # noqa: ANN401  # click returns what the command returns
    """Run the command line and exit with a documented code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever a ticket says, in whatever locale
    return cli(args=arguments, prog_name="deskhand")
