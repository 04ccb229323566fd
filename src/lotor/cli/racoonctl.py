"""racoonctl's words for SAs, which lotor has none of its own for: shown its way, carried out as lotor's commands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address

import click

from lotor.cli.calling import FILE, SOCKET, call, look, whole_status
from lotor.cli.details import table
from lotor.cli.prompting import CredentialPrompt, outcome, reach
from lotor.cli.setkey import end, sad, split
from lotor.control.views import SessionView
from lotor.daemon.exits import Exit, StartError

_LONG = "ST S  V E Created             Phase2"
HEADS = (
    f"{'Destination':<22} {'Cookies':<33} Created",
    f"{'Destination':<22} {'Cookies':<33} {_LONG}",
    f"{'Source':<45} {'Destination':<45} {'Cookies':<33} {_LONG}",
)
SCHEDULE = "index    tick     xtime    created"
ESTABLISHED = 9
"""racoon's number of that state."""
PAIRS = ("esp", "ipsec")
KINDS = click.Choice(["isakmp", "esp", "ah", "ipsec", "internal"])
FAMILY = click.Choice(["inet", "inet6"])


@click.command("show-sa")
@click.argument("kind", type=KINDS)
@SOCKET
@FILE
@click.pass_context
def show_sa(context: click.Context, /, kind: str, **options: object) -> None:
    """Show the SAs of phase 1 (isakmp) or phase 2 (esp, ipsec), without their keys. See also: lotor status."""
    if kind == "internal":
        raise _instead("show-sa internal", "lotor status --json")
    with call(context, options) as daemon:
        sessions = whole_status(daemon)["sessions"]
    lines = _phase1(sessions, _wide(context)) if kind == "isakmp" else sad(sessions if kind in PAIRS else [])
    click.echo("\n".join(lines))


@click.command("flush-sa")
@click.argument("kind", type=KINDS)
@SOCKET
@FILE
@click.pass_context
def flush_sa(context: click.Context, /, kind: str, **options: object) -> None:
    """End every session (isakmp): its SAs go with it, and the peers are told."""
    if kind == "ah":
        return  # there are none
    if kind != "isakmp":
        raise _instead(
            f"flush-sa {kind}", "racoonctl flush-sa isakmp, which ends phase 2 as well, or lotor logout USER"
        )
    with call(context, options) as daemon:
        end(daemon, whole_status(daemon)["sessions"])


@click.command("delete-sa")
@click.argument("kind", type=KINDS)
@click.argument("family", type=FAMILY)
@click.argument("source")
@click.argument("destination")
@click.argument("rest", nargs=-1)
@SOCKET
@FILE
@click.pass_context
def delete_sa(context: click.Context, /, kind: str, source: str, destination: str, **options: object) -> None:
    """End the sessions between SOURCE and DESTINATION (isakmp), and tell the peer."""
    if kind != "isakmp":
        raise _instead(
            f"delete-sa {kind}", "racoonctl delete-sa isakmp, which ends phase 2 as well, or lotor logout USER"
        )
    with call(context, options) as daemon:
        found = [
            each
            for each in whole_status(daemon)["sessions"]
            if _same(each["local"], source) and _same(each["outside"], destination)
        ]
        if not found:
            raise StartError(f"there is no SA from {source} to {destination}", Exit.FAILED)
        end(daemon, found)


@click.command("establish-sa")
@click.option("-u", "user", help="Login; without it xauth_login, or you are asked.")
@click.option("-n", "remote", help="Name of the remote block.")
@click.option("-w", "wait", is_flag=True, help="Accepted: lotor always waits.")
@click.argument("kind", type=KINDS)
@click.argument("family", type=FAMILY)
@click.argument("source")
@click.argument("destination")
@click.argument("rest", nargs=-1)
@SOCKET
@FILE
@click.pass_context
def establish_sa(context: click.Context, /, kind: str, destination: str, **options: object) -> None:
    """Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source."""
    if kind != "isakmp":
        raise _instead(
            f"establish-sa {kind}", "racoonctl establish-sa isakmp or lotor vc: SA pairs come with the session"
        )
    if options["rest"]:
        raise click.UsageError(f"{destination} is the last word of establish-sa isakmp")
    user, remote = (value if isinstance(value, str) else None for value in (options["user"], options["remote"]))
    with call(context, options) as daemon:
        response = reach(daemon, remote or destination, user, CredentialPrompt(password_stdin=False))
    click.echo(outcome(response, destination))


@click.command("get-cert", context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1)
def get_cert(rest: tuple[str, ...]) -> None:
    """Refused: lotor keeps no certificates of its peers."""
    del rest
    raise _instead("get-cert", "lotor explain ADDRESS, which tells whose certificate it was and what came of it")


@click.command("show-schedule")
@SOCKET
@FILE
@click.pass_context
def show_schedule(context: click.Context, /, **options: object) -> None:
    """Show when the keys of SA pairs are renewed. See also: lotor status."""
    with call(context, options) as daemon:
        sessions = whole_status(daemon)["sessions"]
    click.echo("\n".join(_schedule(sessions, datetime.now(UTC))))


@click.command("status", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Accepted: all of it is always shown.")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is written.")
@SOCKET
@click.pass_context
def status(context: click.Context, /, *, form: str, **options: object) -> None:
    """Show who is connected, from where, since when, and how, as lotor status does."""
    with look(context, options) as daemon:
        view = whole_status(daemon)
    click.echo(json.dumps(view, indent=2) if form == "json" else table(view))


def _instead(word: str, better: str) -> StartError:
    return StartError(f"there is no racoonctl {word} here: use {better}", Exit.USAGE)


def _wide(context: click.Context) -> int:
    """How often -l stood before the command."""
    return int((context.parent.params if context.parent else {}).get("wide") or 0)


def _phase1(sessions: Iterable[SessionView], wide: int) -> Iterator[str]:
    """As racoonctl's columns: with -l also status, side, version, exchange and the number of SA pairs, with -ll the
    source, and wider addresses. lotor's status does not tell the exchange."""
    yield HEADS[min(wide, 2)]
    for each in sessions:
        address, port = split(each["outside"])
        columns = [f"{f'{address}.{port}':<{45 if wide > 1 else 22}}", f"{each['cookies'] or '-':<33}"]
        if wide > 1:
            columns.insert(0, f"{'.'.join(split(each['local'])):<45}")
        if wide:
            side = "R" if each["role"] == "gateway" else "I"
            columns.append(f"{ESTABLISHED if each['cookies'] else 1:>2} {side} {each['ike'] << 4:>2x} -")
        columns.append(_local(datetime.fromisoformat(each["since"])))
        yield " ".join([*columns, *([f"{len(each['children']):>6}"] if wide else [])])


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _schedule(sessions: Iterable[SessionView], now: datetime) -> Iterator[str]:
    """When SA pairs are renewed: number of the pair, seconds until then, the same as a time, and since when there is a
    session."""
    yield SCHEDULE
    for session in sessions:
        for pair in session["children"]:
            if (left := pair["rekey_in"]) is not None:
                due = int(now.timestamp() + left)
                yield f"{pair['id']:<8} {round(left):<8} {due:<8} {_local(datetime.fromisoformat(session['since']))}"


def _same(end: str, typed: str) -> bool:
    """Whether an end has the address that was typed; a prefix length and a port behind it do not count."""
    try:
        return ip_address(split(end)[0]) == ip_address(typed.partition("/")[0])
    except ValueError:
        return False
