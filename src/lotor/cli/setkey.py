"""`lotor sas`, `policies` and `flush`, and the same by the options of setkey: of lotor's own SAs, and of no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from lotor.cli.calling import FILE, SOCKET, Daemon, call, look, refusal, whole_status
from lotor.control.messages import Disconnected, Logout
from lotor.control.views import ChildView, SessionView
from lotor.daemon.exits import Exit, StartError

NO_SAS, NO_POLICIES = "No SAD entries.", "No SPD entries."
ENCAPSULATIONS = {"udp": "esp-udp", "esp": "esp"}
OTHERS = (
    "SAs and policies come with sessions (lotor vc, lotor vd), and the kernel's are not lotor's: use ip xfrm for them"
)


@click.command()
@SOCKET
@FILE
@click.pass_context
def sas(context: click.Context, /, **options: object) -> None:
    """Show lotor's SAs as setkey -D does, without their keys."""
    with look(context, options) as daemon:
        click.echo("\n".join(sad(whole_status(daemon)["sessions"])))


@click.command()
@SOCKET
@FILE
@click.pass_context
def policies(context: click.Context, /, **options: object) -> None:
    """Show which traffic lotor's SAs carry, as setkey -DP does."""
    with look(context, options) as daemon:
        click.echo("\n".join(spd(whole_status(daemon)["sessions"])))


@click.command()
@SOCKET
@FILE
@click.pass_context
def flush(context: click.Context, /, **options: object) -> None:
    """End every session: SAs and policies go with it, and the peers are told."""
    with call(context, options) as daemon:
        end(daemon, whole_status(daemon)["sessions"])


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("-D", "dump", is_flag=True, help="Show SAs, with -P policies.")
@click.option("-F", "erase", is_flag=True, help="End every session; with -P the same, for policies go with SAs.")
@click.option("-P", "of_policies", is_flag=True, help="Policies in place of SAs.")
@SOCKET
@click.argument("rest", nargs=-1)
@click.pass_context
def setkey(context: click.Context, /, *, dump: bool, erase: bool, of_policies: bool, **options: object) -> None:
    """-D, -DP, -F and -FP of setkey, for what is lotor's own. A link named setkey to this program does the same."""
    if options.pop("rest") or dump is erase:
        raise StartError(f"setkey takes -D, -DP, -F or -FP here: {OTHERS}", Exit.USAGE)
    with (look if dump else call)(context, options) as daemon:
        sessions = whole_status(daemon)["sessions"]
        if erase:
            end(daemon, sessions)
        else:
            click.echo("\n".join((spd if of_policies else sad)(sessions)))


def end(daemon: Daemon, sessions: Iterable[SessionView]) -> None:
    """A session that ended by itself meanwhile counts as ended."""
    for each in sessions:
        daemon.send(Logout(session=each["session"]))
        if not isinstance(response := daemon.receive(), Disconnected):
            click.echo(f"lotor: {refusal(response)}", err=True)


def sad(sessions: Iterable[SessionView]) -> list[str]:
    """Two SAs for each pair: what leaves, and what comes."""
    return [line for session in sessions for pair in session["children"] for line in _sas(session, pair)] or [NO_SAS]


def _sas(session: SessionView, pair: ChildView) -> Iterator[str]:
    here, there = ("{}[{}]".format(*split(session[end])) for end in ("local", "outside"))
    how = ENCAPSULATIONS.get(pair["encapsulation"], pair["encapsulation"])
    for ends, spi in ((f"{here} {there}", pair["spi_out"]), (f"{there} {here}", pair["spi_in"])):
        yield ends
        yield f"\t{how} mode=tunnel spi={int(spi, 16)}({spi}) reqid={pair['id']}"
        yield f"\t{pair['suite']}"


def spd(sessions: Iterable[SessionView]) -> list[str]:
    """Two policies for each pair and each pair of its networks."""
    found = [line for session in sessions for pair in session["children"] for line in _policies(session, pair)]
    return found or [NO_POLICIES]


def _policies(session: SessionView, pair: ChildView) -> Iterator[str]:
    here, there = (split(session[end])[0] for end in ("local", "outside"))
    for ours in pair["ours"]:
        for theirs in pair["theirs"]:
            ways = (("out", ours, theirs, here, there), ("in", theirs, ours, there, here))
            for way, source, destination, begin, until in ways:
                yield f"{source}[any] {destination}[any] any"
                yield f"\t{way} ipsec"
                yield f"\tesp/tunnel/{begin}-{until}/unique#{pair['id']}"


def split(end: str) -> tuple[str, str]:
    """Address and port of an end."""
    address, _, port = end.rpartition(":")
    return address.strip("[]"), port
