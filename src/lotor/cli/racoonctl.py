"""racoonctl's words for SAs, which lotor has none of its own for: shown its way, carried out as lotor's commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address

import click

from lotor.cli.calling import FILE, SOCKET, Daemon, call, refusal, whole_status
from lotor.cli.prompting import CredentialPrompt, outcome, reach
from lotor.control.messages import Disconnected, Logout
from lotor.control.views import ChildView, SessionView
from lotor.daemon.exits import Exit, StartError

HEAD = f"{'Destination':<22} {'Cookies':<33} Created"
PAIRS = ("esp", "ipsec")
KINDS = click.Choice(["isakmp", "esp", "ah", "ipsec", "internal"])
FAMILY = click.Choice(["inet", "inet6"])
ENCAPSULATIONS = {"udp": "esp-udp", "esp": "esp"}


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
    lines = _phase1(sessions) if kind == "isakmp" else _phase2(sessions if kind in PAIRS else [])
    click.echo("\n".join(lines))


@click.command("flush-sa")
@click.argument("kind", type=KINDS)
@SOCKET
@FILE
@click.pass_context
def flush_sa(context: click.Context, /, kind: str, **options: object) -> None:
    """End every session (isakmp): its SAs go with it, and the peers are told."""
    if kind != "isakmp":
        raise _instead(
            f"flush-sa {kind}", "racoonctl flush-sa isakmp, which ends phase 2 as well, or lotor logout USER"
        )
    with call(context, options) as daemon:
        _end(daemon, whole_status(daemon)["sessions"])


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
        _end(daemon, found)


@click.command("establish-sa")
@click.option("-u", "user", help="Login; without it xauth_login, or you are asked.")
@click.option("-n", "remote", help="Name of the remote block.")
@click.option("-w", "wait", is_flag=True, help="Accepted: lotor always waits.")
@click.argument("kind", type=KINDS)
@click.argument("family", type=FAMILY)
@click.argument("source")
@click.argument("destination")
@SOCKET
@FILE
@click.pass_context
def establish_sa(context: click.Context, /, kind: str, destination: str, **options: object) -> None:
    """Connect to DESTINATION (isakmp), as lotor vc does; the routes choose the source."""
    if kind != "isakmp":
        raise _instead(
            f"establish-sa {kind}", "racoonctl establish-sa isakmp or lotor vc: SA pairs come with the session"
        )
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
def show_schedule() -> None:
    """Refused: lotor status tells when keys are renewed."""
    raise _instead("show-schedule", "lotor status, which tells when keys are renewed")


def _instead(word: str, better: str) -> StartError:
    return StartError(f"there is no racoonctl {word} here: use {better}", Exit.USAGE)


def _end(daemon: Daemon, sessions: Iterable[SessionView]) -> None:
    """A session that ended by itself meanwhile counts as ended."""
    for each in sessions:
        daemon.send(Logout(session=each["session"]))
        if not isinstance(response := daemon.receive(), Disconnected):
            click.echo(f"lotor: {refusal(response)}", err=True)


def _phase1(sessions: Iterable[SessionView]) -> Iterator[str]:
    yield HEAD
    for each in sessions:
        address, port = _split(each["outside"])
        created = datetime.fromisoformat(each["since"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        yield f"{f'{address}.{port}':<22} {each['cookies'] or '-':<33} {created}"


def _phase2(sessions: Iterable[SessionView]) -> Iterator[str]:
    lines = [line for session in sessions for pair in session["children"] for line in _pair(session, pair)]
    yield from lines or ["No SAD entries."]


def _pair(session: SessionView, pair: ChildView) -> Iterator[str]:
    here, there = ("{}[{}]".format(*_split(session[end])) for end in ("local", "outside"))
    how = ENCAPSULATIONS.get(pair["encapsulation"], pair["encapsulation"])
    for ends, spi in ((f"{here} {there}", pair["spi_out"]), (f"{there} {here}", pair["spi_in"])):
        yield ends
        yield f"\t{how} mode=tunnel spi={int(spi, 16)}({spi}) reqid={pair['id']}"
        yield f"\t{pair['suite']}"


def _split(end: str) -> tuple[str, str]:
    address, _, port = end.rpartition(":")
    return address.strip("[]"), port


def _same(end: str, typed: str) -> bool:
    """Whether an end with its port has the address that was typed."""
    try:
        return ip_address(_split(end)[0]) == ip_address(typed)
    except ValueError:
        return False
