"""`lotor pki`: an authority of one's own, the gateway's certificate, or a request to somebody else's authority."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.daemon.exits import StartError

if TYPE_CHECKING:
    from lotor.pki.authority import Made

HERE = Path()
DIRECTORY = click.option(
    "-d", "--directory", type=click.Path(path_type=Path), default=HERE, help="Where the files go; default here."
)
FORCE = click.option("--force", is_flag=True, help="Replace files that are there.")
BITS = click.option("--bits", type=int, default=3072, show_default=True, help="Size of the RSA key.")
CA_DAYS, GATEWAY_DAYS = 3650, 825


@click.group()
def pki() -> None:
    """Make the certificates of the VPN."""


@pki.command()
@click.argument("name", default="lotor VPN CA")
@click.option("--days", type=int, default=CA_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@BITS
@FORCE
def ca(name: str, days: int, directory: Path, bits: int, *, force: bool) -> None:
    """Make an authority called NAME: ca.key and ca.crt. Clients get ca.crt."""
    from lotor.pki.authority import Making, create_ca

    _tell(lambda: create_ca(directory, name, Making(days, bits, force)))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--days", type=int, default=GATEWAY_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@BITS
@FORCE
def gateway(names: tuple[str, ...], days: int, directory: Path, bits: int, *, force: bool) -> None:
    """Make vpngw.key and vpngw.crt for a gateway that clients reach by NAMES (host names, addresses)."""
    from lotor.pki.authority import Making, issue_gateway

    _tell(lambda: issue_gateway(directory, names, Making(days, bits, force)))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@DIRECTORY
@BITS
@FORCE
def request(names: tuple[str, ...], directory: Path, bits: int, *, force: bool) -> None:
    """Make vpngw.key and the signing request vpngw.csr for somebody else's authority."""
    from lotor.pki.authority import Making
    from lotor.pki.authority import request as make_request

    _tell(lambda: make_request(directory, names, Making(GATEWAY_DAYS, bits, force)))


@pki.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Show the certificates in FILE."""
    from lotor.pki.fault import PkiError
    from lotor.pki.summary import show as summary

    try:
        click.echo(summary(file))
    except PkiError as error:
        raise StartError(str(error)) from error


def _tell(make: Callable[[], Made]) -> None:
    from lotor.pki.fault import PkiError

    try:
        made = make()
    except PkiError as error:
        raise StartError(str(error)) from error
    click.echo(f"{made.key}: keep it secret")
    click.echo(f"{made.document}" + (f": {made.remark}" if made.remark else ""))
