"""`lotor network`: what the `network` block asks of this host, what is there, and the difference."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli.calling import FILE, SOCKET, call, refusal
from lotor.cli.groups import Told
from lotor.cli.locate import configuration
from lotor.control.messages import Done, Reload
from lotor.daemon.exits import Exit, StartError, faulty
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.hosts.changes import Change
    from lotor.hosts.journal import Journal
    from lotor.hosts.network import NetworkHost
    from lotor.hosts.network_state import State
    from lotor.hosts.network_table import Plan

DRY = click.option("-n", "--dry-run", is_flag=True, help="Only print the commands that would do the same.")
NOTHING = "there is no network block for a gateway in {}: nothing is set up"


@click.group(cls=Told)
def network() -> None:
    """Forwarding, translation of addresses and filters for a gateway's clients, as the network block has them."""


@network.command()
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@FILE
@click.pass_context
def show(context: click.Context, /, file: Path | None, *, as_json: bool) -> None:
    """Show what the file wants, what is there, the difference, and the firewalls that drop clients' packets.

    Ends with 0 where all is as the file wants it, with 1 where it is not, or where a firewall drops for certain.
    """
    from lotor.hosts import network_state

    _demand_root()
    path = configuration(file)
    plan, journal = _plan(path), _standing()
    try:
        found = asyncio.run(network_state.state(plan))
    except (OSError, ValueError) as error:
        raise StartError(f"the network of this host cannot be looked at: {error}") from None
    if as_json:
        click.echo(json.dumps(_plain(path, plan, journal, found), indent=2))
    else:
        for line in _lines(path, plan, journal, found):
            click.echo(line)
    shut = any(each.certain for each in found.obstacles)
    context.exit(Exit.FAILED if found.missing or shut else Exit.OK)


@network.command()
@DRY
@SOCKET
@FILE
@click.pass_context
def apply(context: click.Context, /, *, dry_run: bool, **options: Path | None) -> None:
    """Set this host up as the file wants it, all or nothing.

    Where the daemon runs it does that itself, by a reload. Without one it stays until lotor network remove, the next
    start of the daemon, or a restart of the host; rules by group and by user let nobody through then.
    """
    path = configuration(options["file"])
    plan = _plan(path)
    if dry_run:
        for line in asyncio.run(_told(path, plan)):
            click.echo(line)
        return
    _demand_root()
    journal = _standing()
    if journal is not None and journal.owner.lives():
        _reload(context, dict(options))
        _warn(plan)
    elif plan is None:
        raise StartError(NOTHING.format(path), Exit.CONFIGURATION)
    else:
        _apply(plan)
        click.echo("this host is set up for clients: lotor network show")
        _warn(plan)


@network.command()
@DRY
def remove(*, dry_run: bool) -> None:
    """Take back what lotor network apply did, or a daemon that was killed."""
    _demand_root()
    journal = _standing()
    if journal is None:
        click.echo("nothing of a network block is set up on this host")
        return
    if journal.owner.lives():
        what = "take the network block out and run lotor reload, or end the daemon"
        raise StartError(f"the daemon that runs (process {journal.owner.pid}) keeps it: {what}", Exit.BUSY)
    if dry_run:
        for change in reversed(journal.changes):
            click.echo(_back(change))
        return
    try:
        undone = asyncio.run(_host().clean())
    except OSError as error:
        raise StartError(error.strerror or str(error)) from None
    click.echo(f"undone on this host: {quantity(undone, 'change')}")


def _demand_root() -> None:
    if os.geteuid() != 0:
        raise StartError("the network of this host is root's to look at and to change: run it as root", Exit.NOT_ROOT)


def _host() -> NetworkHost:
    from lotor.hosts.network import NetworkHost

    return NetworkHost()


def _plan(path: Path) -> Plan | None:
    from lotor import config
    from lotor.warden.admitting import plan_of

    try:
        settings = config.load(path).settings
    except config.ConfigError as error:
        raise faulty(str(path), error) from None
    if wrong := list(config.network_problems(settings)):
        raise faulty(str(path), config.ConfigError(wrong))
    return plan_of(settings)


def _standing() -> Journal | None:
    from lotor.hosts.network import standing

    try:
        return standing()
    except OSError as error:
        raise StartError(error.strerror or str(error)) from None


def _apply(plan: Plan) -> None:
    try:
        asyncio.run(_host().use(plan))
    except OSError as error:
        raise StartError(f"{error.strerror or error}; nothing was changed") from None


def _warn(plan: Plan | None) -> None:
    """Of what keeps clients from the inside all the same."""
    from lotor.hosts import network_state

    try:
        for line in asyncio.run(network_state.warnings(plan)) if plan is not None else ():
            click.echo(f"warning: {line}", err=True)
    except (OSError, ValueError) as error:
        click.echo(f"warning: whether a firewall drops packets of clients is not known: {error}", err=True)


def _reload(context: click.Context, options: dict[str, object]) -> None:
    with call(context, options) as daemon:
        daemon.send(Reload())
        response = daemon.receive()
    if not isinstance(response, Done):
        raise refusal(response)
    click.echo(f"the daemon read its configuration again and set this host up by it: {response.text}")


def _plain(path: Path, plan: Plan | None, journal: Journal | None, found: State) -> dict[str, object]:
    from lotor.hosts import network_table
    from lotor.hosts.foreign_remedies import remedy

    clients = plan.clients if plan is not None else ()
    table = {"rules": list(found.table.marks), "elements": dict(found.table.elements)} if found.table else None
    obstacles = [
        {
            "chain": each.place,
            "program": each.program.value,
            "why": each.why,
            "certain": each.certain,
            "commands": remedy(each, clients, found.device),
        }
        for each in found.obstacles
    ]
    owner = {"process": journal.owner.pid, "runs": journal.owner.lives()} if journal is not None else None
    return {
        "file": str(path),
        "wanted": network_table.lines(plan) if plan is not None else None,
        "clients": [str(each) for each in clients],
        "set_up_by": owner,
        "switches": found.switches,
        "table": table,
        "difference": list(found.missing),
        "obstacles": obstacles,
    }


def _lines(path: Path, plan: Plan | None, journal: Journal | None, found: State) -> Iterator[str]:
    from lotor.hosts.foreign_remedies import remedy
    from lotor.hosts.network_table import lines

    yield _by(journal)
    yield from (f"{name} is {value or 'missing'}" for name, value in found.switches.items())
    if plan is None:
        yield NOTHING.format(path)
        return
    yield f"wanted by {path} for {', '.join(map(str, plan.clients)) or 'no pool'}:"
    yield from (f"    {line}" for line in lines(plan))
    names = {name: subject for subject, name in plan.subjects.items()}
    for name, addresses in found.table.elements.items() if found.table is not None else ():
        subject = names.get(name.rpartition("_")[0])
        whose = f"{subject.who.value} {subject.name}" if subject is not None else "tunnels"
        if addresses:
            yield f"{whose}: {', '.join(addresses)}"
    yield from (f"difference: {each}" for each in found.missing)
    if not found.missing:
        yield "everything is there"
    for each in found.obstacles:
        yield f"in the way: packets between clients and the inside: {each}"
        yield from (f"    {line}" for line in remedy(each, plan.clients, found.device))


def _by(journal: Journal | None) -> str:
    if journal is None:
        return "set up by nobody"
    runs = "the daemon" if journal.owner.lives() else "lotor network apply, or a daemon that was killed"
    return f"set up by {runs} (process {journal.owner.pid})"


async def _told(path: Path, plan: Plan | None) -> list[str]:
    """Commands that a person could type instead. A table that is there is made anew by them."""
    from lotor.hosts.changes import Machine
    from lotor.hosts.network_needs import needs
    from lotor.hosts.network_table import FAMILY, TABLE, lines

    if plan is None:
        return [NOTHING.format(path)]
    try:
        missing = (await needs(Machine(), plan, ()))[1]
    except OSError as error:
        raise StartError(error.strerror or str(error)) from None
    told = [line for change in missing for line in _there(change)]
    if table := lines(plan):
        empty = f"table {FAMILY} {TABLE}"
        told += ["nft -f - <<'END'", empty, f"delete {empty}", *table, "END"]
    return told or ["nothing is to be done: this host has all of it"]


def _there(change: Change) -> list[str]:
    from lotor.hosts import sysctl
    from lotor.hosts.changes import Forwarding, Proxied, Setting

    match change:
        case Forwarding(version=version):
            return [f"sysctl -w {sysctl.shown(sysctl.FORWARDING[version])}=1"]
        case Setting(name=name, value=value):
            return [f"sysctl -w {sysctl.shown(name)}={value}"]
        case Proxied(device=device, addresses=addresses):
            return [f"ip neigh add proxy {each} dev {device}" for each in addresses]
    return []


def _back(change: Change) -> str:
    from lotor.hosts import sysctl
    from lotor.hosts.changes import Forwarding, OwnTable, Proxied, Setting

    match change:
        case Forwarding(version=version):
            return f"sysctl -w {sysctl.shown(sysctl.FORWARDING[version])}=0"
        case Setting(name=name, before=before):
            return f"sysctl -w {sysctl.shown(name)}={before}"
        case Proxied(device=device, addresses=addresses):
            return "; ".join(f"ip neigh del proxy {each} dev {device}" for each in addresses)
        case OwnTable(family=family, name=name):
            return f"nft delete table {family} {name}"
    return str(change)
