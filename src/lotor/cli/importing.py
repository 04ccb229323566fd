"""`lotor import`: a racoon.conf and a psk.txt from the files of other programs."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.config.foreign.connection import Imported

KINDS = ("pcf", "vpnc", "ipsec", "swanctl")
LARGEST = 1 << 20


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(KINDS), help="What the file is; without, by its name and its text.")
@click.option("--secrets", type=click.Path(path_type=Path), help="ipsec.secrets beside an ipsec.conf.")
@click.option("-d", "--directory", type=click.Path(path_type=Path), default=Path(), help="Where the files go.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def import_(file: Path, kind: str | None, secrets: Path | None, directory: Path, *, force: bool) -> None:
    """Make racoon.conf and psk.txt of a connection of strongSwan (ipsec.conf, swanctl.conf), vpnc (.conf) or Cisco's
    client (.pcf). What could not be carried over is listed."""
    from lotor.config.foreign.connection import ForeignError
    from lotor.files.private import FileError
    from lotor.model.text import clean

    try:
        found = _read(file, kind, secrets)
        _write(found, directory, force=force)
    except (ForeignError, FileError) as fault:
        raise StartError(f"{file}: {clean(str(fault))}", Exit.CONFIGURATION) from None
    for line in found.left:
        click.echo(fill(f"left to do: {line}", 80, subsequent_indent="    ", break_on_hyphens=False))
    click.echo(f"next: lotor check {directory / 'racoon.conf'}")


def _read(file: Path, kind: str | None, secrets: Path | None) -> Imported:
    from lotor.config.foreign import cisco, strongswan

    text, name = _text(file), file.name
    kind = kind or _kind(name, text)
    if kind == "ipsec":
        return strongswan.read_ipsec(text, name, _text(secrets) if secrets else "")
    read = {"pcf": cisco.read_pcf, "vpnc": cisco.read_vpnc, "swanctl": strongswan.read_swanctl}
    return read[kind](text, name)


def _kind(name: str, text: str) -> str:
    lines = [line.strip().lower() for line in text.splitlines()]
    if name.lower().endswith(".pcf") or "[main]" in lines:
        return "pcf"
    if any(line.startswith("ipsec gateway") for line in lines):
        return "vpnc"
    if any(line.startswith("connections") for line in lines):
        return "swanctl"
    if any(line.startswith("conn ") for line in lines):
        return "ipsec"
    raise click.UsageError(f"{name} is none of {', '.join(KINDS)}: say which by --from")


def _text(file: Path) -> str:
    from lotor.files.private import FileError

    try:
        with file.open("rb") as stream:
            octets = stream.read(LARGEST + 1)
    except OSError as error:
        raise FileError(f"it cannot be read: {error.strerror}") from None
    if len(octets) > LARGEST:
        raise FileError(f"it is larger than {LARGEST} octets")
    return octets.decode("utf-8", "replace").removeprefix("\ufeff")


def _write(found: Imported, directory: Path, *, force: bool) -> None:
    """The keys first: a configuration without them is not what anybody wants."""
    from lotor.config.foreign.connection import key_line
    from lotor.files import writing

    write = writing.replace if force else writing.create
    if found.keys:
        write(directory / "psk.txt", b"".join(key_line(*pair) for pair in found.keys), writing.PRIVATE)
        click.echo(f"{directory / 'psk.txt'}: {len(found.keys)} secrets, for root alone")
    write(directory / "racoon.conf", found.text.encode(), writing.PUBLIC)
    click.echo(f"{directory / 'racoon.conf'}: written")
