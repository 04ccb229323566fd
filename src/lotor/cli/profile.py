"""`lotor profile`: the file that sets a device up for this gateway, written here or fetched by a link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lotor.cli import terminal
from lotor.cli.listening import LISTEN
from lotor.cli.locate import configuration
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lotor.cli.profiled import Own, Wishes
    from lotor.profiles.facts import Facts, File, Protocol

DEVICES = ("ios", "macos", "windows", "android", "strongswan", "networkmanager", "lotor")
APPLE = frozenset({"ios", "macos"})


@click.command()
@click.argument("user")
@click.option("--for", "devices", type=click.Choice(DEVICES), multiple=True, help="The device, or its program.")
@click.option("--link", is_flag=True, help="A page that gives it once, for an hour; all devices without --for.")
@click.option(
    "--listen", type=LISTEN, default="443", metavar="[ADDRESS:]PORT", help="Where the page is; else port 443."
)
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
    """Write what sets a device of USER up for this gateway. There is no password in it.

    With --link nothing is written: a page gives it over HTTPS, once, to one device that has the link, and tells the
    person what to do. Ctrl-C ends it.
    """
    devices: tuple[str, ...] = options["devices"]
    _demand_whole(user, options)
    if options["link"]:
        _link(user, options, devices or DEVICES)
        return
    made = _made(user, options, devices[0])
    _tell(made.file, options["output"], force=options["force"])
    _warn(made)


def _demand_whole(user: str, options: dict[str, Any]) -> None:
    """Words that go together. Raises `click.UsageError`."""
    from lotor.model.text import clean

    devices = frozenset(options["devices"])
    if not options["link"] and len(devices) != 1:
        raise click.UsageError("--for names the device; several of them, or none for all, go with --link")
    if options["link"] and (options["force"] or options["output"] != Path()):
        raise click.UsageError("--link writes no file: --output and --force do not go with it")
    if options["trusted"] and not options["on_demand"]:
        raise click.UsageError("--trusted goes with --on-demand")
    if options["on_demand"] and not (devices or APPLE) & APPLE:
        raise click.UsageError("--on-demand is for ios and macos")
    if not user:
        raise click.UsageError("a user needs a name")
    for text in (user, options["title"]):
        if text != clean(text) or '"' in text:
            raise click.UsageError(f"{clean(text)!r} has characters that a profile cannot have")


class Made(NamedTuple):
    """A file, and what it was made of."""

    found: Own
    known: Facts
    wishes: Wishes
    file: File


def _made(user: str, options: dict[str, Any], device: str) -> Made:
    """Raises `click.UsageError` for a device that has no such profile, and `StartError`."""
    from lotor.cli.profiled import facts, own, signed
    from lotor.profiles.devices import made

    wishes = _wishes(user, options, device)
    found = own(configuration(options["file"]), _protocols(options, device))
    known = facts(found, wishes)
    try:
        file = made(known, wishes.device)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from None
    if device in APPLE and not options["unsigned"]:
        file = signed(file, found)
    return Made(found, known, wishes, file)


def _warn(*made: Made) -> None:
    from lotor.cli.profiled import doubts

    found = (text for each in made for text in doubts(each.found, each.known, each.wishes.device))
    for each in dict.fromkeys(found):
        terminal.say(f"warning: {each}", terminal.Style.WARNING, error=True)


def _link(user: str, options: dict[str, Any], devices: Iterable[str]) -> None:
    from lotor.cli.linked import Linked, offer
    from lotor.cli.profiled import own_key

    ready = _ready(user, options, devices)
    _warn(*ready)
    found, known = ready[0].found, ready[0].known
    files = {made.wishes.device: made.file for made in ready}
    offer(Linked(found, own_key(found), known.gateway, user, not known.authorities, files, options["listen"]))


def _ready(user: str, options: dict[str, Any], devices: Iterable[str]) -> list[Made]:
    """A device that this gateway has no profile for is told, and left out: the others can have theirs. Raises the fault
    where it is the same for all, or of a device that was named."""
    ready: list[Made] = []
    faults: dict[str, click.UsageError | StartError] = {}
    for each in dict.fromkeys(devices):
        try:
            ready.append(_made(user, options, each))
        except (click.UsageError, StartError) as fault:
            if options["devices"]:
                raise
            faults[each] = fault
    if not ready and len({str(fault) for fault in faults.values()}) == 1:
        raise next(iter(faults.values()))
    for device, told in faults.items():
        terminal.say(f"not for {device}: {told}", terminal.Style.WARNING, error=True)
    if not ready:
        raise StartError("this gateway has a profile for no device", Exit.CONFIGURATION)
    return ready


def _wishes(user: str, options: dict[str, Any], device: str) -> Wishes:
    from lotor.cli.profiled import Wishes
    from lotor.profiles.facts import Device, OnDemand

    on_demand = options["on_demand"] and device in APPLE
    return Wishes(
        user=user,
        device=Device(device),
        gateway=options["gateway"],
        title=options["title"],
        authority=options["ca"],
        public=options["public"],
        on_demand=OnDemand(tuple(options["trusted"])) if on_demand else None,
    )


def _protocols(options: dict[str, Any], device: str) -> tuple[Protocol, ...]:
    """The first one that the gateway speaks counts."""
    from lotor.profiles.facts import Protocol

    if options["ikev1"]:
        return (Protocol.IKEV1,)
    return (Protocol.IKEV2, Protocol.IKEV1) if device == "lotor" else (Protocol.IKEV2,)


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
