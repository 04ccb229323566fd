"""The two programs, `lotor` and `racoonctl`: which word is which command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lotor import __version__
from lotor.cli import terminal
from lotor.cli.groups import Lazy, told
from lotor.daemon.exits import Exit, StartError

COMMANDS = {
    "init": "lotor.cli.init:init",
    "daemon": "lotor.cli.daemon:daemon",
    "vc": "lotor.cli.connect:connect",
    "connect": "lotor.cli.connect:connect",
    "vd": "lotor.cli.connect:disconnect",
    "disconnect": "lotor.cli.connect:disconnect",
    "portal": "lotor.cli.control:portal",
    "status": "lotor.cli.status:status",
    "top": "lotor.cli.top:top",
    "metrics": "lotor.cli.metrics:metrics",
    "explain": "lotor.cli.explain:explain",
    "logout": "lotor.cli.control:logout",
    "ban": "lotor.cli.ban:ban",
    "drain": "lotor.cli.control:drain",
    "history": "lotor.cli.history:history",
    "events": "lotor.cli.control:events",
    "debug": "lotor.cli.control:debug",
    "reload": "lotor.cli.control:reload",
    "sas": "lotor.cli.setkey:sas",
    "policies": "lotor.cli.setkey:policies",
    "flush": "lotor.cli.setkey:flush",
    "setkey": "lotor.cli.setkey:setkey",
    "check": "lotor.cli.check:check",
    "doctor": "lotor.cli.doctor:doctor",
    "import": "lotor.cli.importing:import_",
    "network": "lotor.cli.network:network",
    "pki": "lotor.cli.pki:pki",
    "profile": "lotor.cli.profile:profile",
    "user": "lotor.cli.user:user",
    "racoonctl": "lotor.cli.main:racoonctl_group",
    "help": "lotor.cli.main:tell",
    "version": "lotor.cli.main:version",
}
TITLES = {
    "Set up": ("init", "import", "check", "network", "user", "pki", "profile"),
    "Run": ("daemon", "reload"),
    "Connect": ("connect", "disconnect", "portal"),
    "Look": (
        "status",
        "top",
        "history",
        "doctor",
        "sas",
        "policies",
        "explain",
        "events",
        "debug",
        "logout",
        "drain",
        "ban",
        "flush",
        "metrics",
    ),
    "More": ("racoonctl", "setkey", "help", "version"),
}
"""What the help lists: a command goes by one name in it. `vc` and `vd` are known from racoonctl."""
RACOONCTL_WORDS = (
    ("vpn-connect", "vc", COMMANDS["vc"]),
    ("vpn-disconnect", "vd", COMMANDS["vd"]),
    ("status", "st", "lotor.cli.racoonctl:status"),
    ("show-event", "se", COMMANDS["events"]),
    ("reload-config", "rc", COMMANDS["reload"]),
    ("logout-user", "lu", COMMANDS["logout"]),
    ("show-sa", "ss", "lotor.cli.racoonctl:show_sa"),
    ("flush-sa", "fs", "lotor.cli.racoonctl:flush_sa"),
    ("delete-sa", "ds", "lotor.cli.racoonctl:delete_sa"),
    ("establish-sa", "es", "lotor.cli.racoonctl:establish_sa"),
    ("get-cert", "gc", "lotor.cli.racoonctl:get_cert"),
    ("show-schedule", "sc", "lotor.cli.racoonctl:show_schedule"),
)
RACOONCTL = {word: place for long, short, place in RACOONCTL_WORDS for word in (long, short)}
RACOONCTL_TITLES = {"Commands": tuple(f"{long}, {short}" for long, short, _ in RACOONCTL_WORDS)}


@click.group(cls=Lazy, words=COMMANDS, titles=TITLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lotor", message="%(prog)s %(version)s")
def lotor() -> None:
    """A remote-access IPsec VPN: gateway, client, and the tools around them."""


@click.group(
    cls=Lazy,
    words=RACOONCTL,
    titles=RACOONCTL_TITLES,
    name="racoonctl",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("-s", "socket", type=click.Path(path_type=Path), help="Control socket of the daemon.")
@click.option("-l", "wide", count=True, help="More columns in show-sa isakmp; -ll: more.")
@click.option("-d", "dump", is_flag=True, help="Accepted, without effect.")
@click.pass_context
def racoonctl_group(context: click.Context, socket: Path | None, wide: int, dump: bool) -> None:
    """The words of racoonctl for the daemon of lotor."""
    del wide, dump
    context.obj = socket


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
def tell(words: tuple[str, ...]) -> None:
    """Show the help of a COMMAND, such as `lotor help user add`."""
    click.echo(told(lotor, words))


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"lotor {__version__}")


def main() -> None:
    """The `lotor` program; by a link of that name, setkey."""
    if Path(sys.argv[0]).name == "setkey":
        sys.argv[1:1] = ["setkey"]
    run(lotor)


def racoonctl() -> None:
    """The `racoonctl` program: as racoon's it ends with 0 or 1, which scripts of racoon's users may compare."""
    sys.exit(min(carry_out(racoonctl_group), Exit.FAILED))


def run(group: click.Group) -> None:
    """Ends the process with the exit code."""
    sys.exit(carry_out(group))


def carry_out(group: click.Group) -> int:
    """Every refusal is one line on standard error and an exit code of docs/exit-codes.md, which this returns."""
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = Exit.USAGE
    except click.ClickException as error:
        terminal.say(f"lotor: {error.format_message()}", terminal.Style.ERROR, error=True)
        code = error.exit_code
    except StartError as error:
        terminal.say(_fault(f"lotor: {error}"), terminal.Style.ERROR, error=True)
        terminal.tell(_advice(error.fix))
        code = error.code
    except (click.Abort, KeyboardInterrupt):
        click.echo("lotor: interrupted", err=True)
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        code = Exit.FAILED
    return int(code or 0)


def _fault(text: str) -> str:
    """In the journal of a service it is an error."""
    if "JOURNAL_STREAM" not in os.environ:
        return text
    from lotor.daemon import logs

    return logs.fault(text) if logs.journal_reads(sys.stderr) else text


def _advice(fix: str) -> str:
    from textwrap import fill

    return fill(fix, 80, initial_indent="what to do: ", subsequent_indent=" " * 12)


if __name__ == "__main__":
    main()
