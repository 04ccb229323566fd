"""`lotor profile`: the file that sets a device up for this gateway."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lotor.cli import terminal
from lotor.cli.locate import configuration
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.cli.profiled import Wishes
    from lotor.profiles.facts import File, Protocol

DEVICES = ("ios", "macos", "windows", "android", "strongswan", "networkmanager", "lotor")
APPLE = frozenset({"ios", "macos"})


@click.command()
@click.argument("user")
@click.option("--for", "device", type=click.Choice(DEVICES), required=True, help="The device, or its program.")
@click.option("--gateway", default="", metavar="NAME", help="What is dialled; else the certificate's first name.")
@click.option("--title", default="", help="What the connection is called there; else VPN and the gateway.")
@click.option("--ikev1", is_flag=True, help="For IKEv1, which Apple's systems call Cisco IPSec.")
@click.option("--on-demand", is_flag=True, help="Apple: connects by itself.")
@click.option("--trusted", multiple=True, metavar="SSID", help="Apple: a wireless network where it does not.")
@click.option("--unsigned", is_flag=True, help="Apple: without the signature of the gateway's key.")
@click.option("--public", is_flag=True, help="Devices know the authority already: none goes along.")
@click.option("--ca", type=click.Path(path_type=Path), help="The authority; else ca.crt beside the certificate.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path(), help="Where to; else here.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration; default /etc/lotor/racoon.conf.")
def profile(user: str, **options: Any) -> None:
    """Write what sets a device of USER up for this gateway. There is no password in it."""
    from lotor.cli.profiled import doubts, facts, own, signed
    from lotor.profiles.devices import made

    wishes = _wishes(user, options)
    found = own(configuration(options["file"]), _protocols(options))
    try:
        known = facts(found, wishes)
        file = made(known, wishes.device)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from None
    if options["device"] in APPLE and not options["unsigned"]:
        file = signed(file, found)
    _tell(file, options["output"], force=options["force"])
    for each in doubts(found, known, wishes.device):
        terminal.say(f"warning: {each}", terminal.Style.WARNING, error=True)


def _wishes(user: str, options: dict[str, Any]) -> Wishes:
    from lotor.cli.profiled import Wishes
    from lotor.model.text import clean
    from lotor.profiles.facts import Device, OnDemand

    if options["trusted"] and not options["on_demand"]:
        raise click.UsageError("--trusted goes with --on-demand")
    if options["on_demand"] and options["device"] not in APPLE:
        raise click.UsageError("--on-demand is for ios and macos")
    if not user:
        raise click.UsageError("a user needs a name")
    for text in (user, options["title"]):
        if text != clean(text) or '"' in text:
            raise click.UsageError(f"{clean(text)!r} has characters that a profile cannot have")
    return Wishes(
        user=user,
        device=Device(options["device"]),
        gateway=options["gateway"],
        title=options["title"],
        authority=options["ca"],
        public=options["public"],
        on_demand=OnDemand(tuple(options["trusted"])) if options["on_demand"] else None,
    )


def _protocols(options: dict[str, Any]) -> tuple[Protocol, ...]:
    """The first one that the gateway speaks counts."""
    from lotor.profiles.facts import Protocol

    if options["ikev1"]:
        return (Protocol.IKEV1,)
    return (Protocol.IKEV2, Protocol.IKEV1) if options["device"] == "lotor" else (Protocol.IKEV2,)


def _tell(file: File, directory: Path, *, force: bool) -> None:
    """Writes it, and what it needs beside it; says what the person does with it."""
    from lotor.files import writing
    from lotor.files.private import FileError

    contents = {directory / each.name: each.content for each in (file, file.beside) if each is not None}
    for path, content in contents.items():
        if not force and os.path.lexists(path) and not _has(path, content):
            raise StartError(f"{path} exists already: move it away, or replace it with --force")
    for path, content in contents.items():
        try:
            (writing.replace if os.path.lexists(path) else writing.create)(path, content, writing.PUBLIC)
        except FileError as fault:
            raise StartError(str(fault), Exit.LOCAL_FAULT) from None
        click.echo(f"written: {path}")
    for number, step in enumerate(file.steps, 1):
        click.echo(f"{number}. {step}")


def _has(path: Path, content: bytes) -> bool:
    """Whether it is that file already, as the authority that another profile brought."""
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except OSError:
        return False
