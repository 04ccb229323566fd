"""`lotor init`: a gateway or a client set up on this host, and the way back."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli.asking import Dialogue
from lotor.cli.groups import Told
from lotor.cli.initiated import Tense, tell_plan, tell_setup, tell_stays
from lotor.daemon.exits import Exit, StartError
from lotor.init.answers import words_of
from lotor.init.host import Target

if TYPE_CHECKING:
    from lotor.init.carrying import Plan
    from lotor.init.record import Record, Setup

TARGET = Target()
Options = dict[str, object]
OPTIONS = (
    click.option("--password-file", type=click.Path(path_type=Path), help="Private file with the password."),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
    click.option("-n", "--dry-run", is_flag=True, help="Say what would be written and done, and do nothing."),
    click.option("-y", "--yes", is_flag=True, help="Ask nothing: take what is proposed."),
    click.option("--force", is_flag=True, help="Replace files that are there; each is kept beside the new one."),
)


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both kinds of setup."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group(cls=Told)
def init() -> None:
    """Set up this host as a gateway or a client.

    It is done whole or not at all, and noted: lotor init undo takes the last setup back, but for what a person changed
    since. Files that are there are replaced only with --force, and kept beside the new ones."""


@init.command()
@click.argument("names", nargs=-1)
@click.option("--pool", metavar="NETWORK", help="Inner addresses of the clients, such as 10.99.99.0/24.")
@click.option("--reach", metavar="NETWORKS", help="What clients reach through the tunnel: all, or networks.")
@click.option("--dns", metavar="ADDRESSES", help="DNS servers of the clients, or none.")
@click.option("-u", "--user", help="The first user; none without.")
@click.option("--clients", metavar="KINDS", help="Some of lotor, strongswan, apple, android, windows, vpnc.")
@click.option("--shared-key", is_flag=True, help="Also clients with a key that all share, in place of a certificate.")
@click.option("--no-masquerade", is_flag=True, help="Hosts inside have a route to the clients' addresses.")
@shared
def gateway(names: tuple[str, ...], **options: object) -> None:
    """Set up a gateway that clients reach by NAMES: host names and addresses, as they type them.

    Makes an authority and a certificate, the configuration, and the first user, and starts the service, which forwards
    for the clients and translates their addresses while it runs. At a terminal it asks what no option says; without one
    the proposals count."""
    from lotor.cli.wishes import gateway_wishes
    from lotor.init import gateway as kind

    dialogue = _dialogue(options)
    _set_up(dialogue, options, lambda: kind.plan(gateway_wishes(names, options, dialogue, TARGET), TARGET))


@init.command()
@click.argument("gateway")
@click.option("--ca", type=click.Path(path_type=Path), required=True, help="The gateway's ca.crt.")
@click.option("-u", "--user", help="Login; without it each connection asks.")
@click.option("--group", help="Group whose members may connect; operator where there is one.")
@click.option("--save-password", is_flag=True, help="Keep the password in /etc/lotor/psk.txt, so that nobody is asked.")
@shared
def client(gateway: str, **options: object) -> None:
    """Set up a client of GATEWAY, a host name or an address.

    Writes the gateway's authority and the configuration, and starts the service; then lotor connect GATEWAY connects.
    The password is kept only with --save-password."""
    from lotor.cli.wishes import client_wishes
    from lotor.init import client as kind

    dialogue = _dialogue(options)
    _set_up(dialogue, options, lambda: kind.plan(client_wishes(gateway, options, dialogue), TARGET))


@init.command()
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be taken back, and do nothing.")
def undo(*, dry_run: bool) -> None:
    """Take the last lotor init back: what it wrote and did, but not what a person changed since."""
    from lotor.init.carrying import take_back
    from lotor.init.record import held, setups_of

    if dry_run:
        last = _last(setups_of(TARGET))
        tell_setup(last, TARGET)
        return
    _demand_root()
    with held(TARGET) as record:
        last = _last(record.setups)
        stays = take_back(record, TARGET)
        tell_stays(last, stays)
        if last in record.setups:
            raise StartError("some of it was not taken back: lotor init undo tries again")


def _last(setups: list[Setup]) -> Setup:
    if not setups:
        raise StartError("lotor init did nothing on this host, or it was taken back already")
    return setups[-1]


def _dialogue(options: Options) -> Dialogue:
    rehearsal = bool(options["dry_run"])
    if not rehearsal:
        _demand_root()
    return Dialogue.at(yes=bool(options["yes"]), rehearsal=rehearsal)


def _demand_root() -> None:
    if os.geteuid() != 0:
        raise StartError("lotor init writes below /etc and starts services: run it as root", Exit.NOT_ROOT)


def _set_up(dialogue: Dialogue, options: Options, make: Callable[[], Plan]) -> None:
    from lotor.init.record import held, setups_of

    if dialogue.rehearsal:
        for setup in setups_of(TARGET)[-1:]:
            tell_setup(setup, TARGET)
        tell_plan(make(), Tense.WOULD)
        return
    with held(TARGET) as record:
        _recover(record)
        if record.setups and not options["force"]:
            _again(record.setups[-1])
        plan = make()
        _allow(plan, dialogue, force=bool(options["force"]))
        _carry_out(plan, record)


def _recover(record: Record) -> None:
    """A setup that was cut off, by a power cut for example, is taken back first."""
    from lotor.init.carrying import take_back

    if record.setups and not record.setups[-1].whole:
        last = record.setups[-1]
        click.echo(f"lotor init {last.what} of {last.at} did not come to its end: taken back first")
        for line in take_back(record, TARGET):
            click.echo(f"  {line}")


def _again(setup: Setup) -> None:
    """The same again says what is there; anything else has to be asked for."""
    tell_setup(setup, TARGET)
    here = click.get_current_context()
    names = here.params.get("gateway") or " ".join(here.params.get("names") or ())
    wanted = " ".join((here.info_name or "", *words_of(names)))
    if wanted not in {setup.what, setup.what.split()[0]}:
        raise StartError(f"this host is set up as {setup.what}: lotor init undo first, or --force")
    raise click.exceptions.Exit(0)


def _allow(plan: Plan, dialogue: Dialogue, *, force: bool) -> None:
    """Raises `StartError` where files are there that nobody said to replace."""
    found = plan.replaced()
    if not found or force:
        return
    there = f"{', '.join(found)} {'exists' if len(found) == 1 else 'exist'} already"
    if dialogue.agrees(f"{there}. Replace, and keep what is there beside it?"):
        return
    raise StartError(f"{there}: --force replaces, and keeps what is there beside it")


def _carry_out(plan: Plan, record: Record) -> None:
    from lotor.init.carrying import carry_out

    warnings: list[str] = []
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    carry_out(plan, record, TARGET, at, lambda: warnings.extend(_checked()))
    tell_plan(plan, Tense.DONE, warnings)


def _checked() -> tuple[str, ...]:
    """The warnings of `lotor check`. Raises `StartError`."""
    from lotor.config import ConfigError, render
    from lotor.daemon.active_config import load
    from lotor.init.configuration import CONFIGURATION

    try:
        return load(TARGET.path(CONFIGURATION)).warnings
    except ConfigError as error:
        told = "\n".join(render(each) for each in error.problems)
        raise StartError(f"the configuration has errors\n{told}", Exit.CONFIGURATION) from None
