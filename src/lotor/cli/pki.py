"""`lotor pki`: an authority of one's own, the gateway's certificate, or a request to somebody else's authority."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.daemon.exits import StartError
from lotor.model.algorithms import Curve

if TYPE_CHECKING:
    from lotor.pki.authority import Made, Making

HERE = Path()
DIRECTORY = click.option(
    "-d", "--directory", type=click.Path(path_type=Path), default=HERE, help="Where the files go; default here."
)
FORCE = click.option("--force", is_flag=True, help="Replace files that are there.")
CURVES = {"ec256": Curve.P256, "ec384": Curve.P384, "ec521": Curve.P521}
CA_DAYS, GATEWAY_DAYS = 3650, 825


def with_key(command: Callable[..., None]) -> Callable[..., None]:
    """Two options that make one argument `key`: the bits of an RSA key, or the curve of one for ECDSA."""

    @click.option("--bits", type=int, default=3072, show_default=True, help="Size of an RSA key.")
    @click.option(
        "--key",
        type=click.Choice(["rsa", *CURVES]),
        default="rsa",
        show_default=True,
        help="RSA, or ECDSA on P-256, P-384 or P-521 (authentication_method ecdsasig).",
    )
    @wraps(command)
    def wrapped(*words: object, bits: int, key: str, **options: object) -> None:
        command(*words, key=CURVES.get(key, bits), **options)

    return wrapped


@click.group()
def pki() -> None:
    """Make the certificates of the VPN."""


@pki.command()
@click.argument("name", default="lotor VPN CA")
@click.option("--days", type=int, default=CA_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@with_key
@FORCE
def ca(name: str, days: int, directory: Path, key: int | Curve, *, force: bool) -> None:
    """Make an authority called NAME: ca.key and ca.crt. Clients get ca.crt."""
    from lotor.pki.authority import create_ca

    _tell(lambda: create_ca(directory, name, _making(days, key, force=force)))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--days", type=int, default=GATEWAY_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@with_key
@FORCE
def gateway(names: tuple[str, ...], days: int, directory: Path, key: int | Curve, *, force: bool) -> None:
    """Make vpngw.key and vpngw.crt for a gateway that clients reach by NAMES (host names, addresses)."""
    from lotor.pki.authority import issue_gateway

    _tell(lambda: issue_gateway(directory, names, _making(days, key, force=force)))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@DIRECTORY
@with_key
@FORCE
def request(names: tuple[str, ...], directory: Path, key: int | Curve, *, force: bool) -> None:
    """Make vpngw.key and the signing request vpngw.csr for somebody else's authority."""
    from lotor.pki.authority import request as make_request

    _tell(lambda: make_request(directory, names, _making(GATEWAY_DAYS, key, force=force)))


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


def _making(days: int, key: int | Curve, *, force: bool) -> Making:
    from lotor.pki.authority import Making

    return Making(days, force=force, curve=key) if isinstance(key, Curve) else Making(days, key, force)


def _tell(make: Callable[[], Made]) -> None:
    from lotor.pki.fault import PkiError

    try:
        made = make()
    except PkiError as error:
        raise StartError(str(error)) from error
    click.echo(f"{made.key}: keep it secret")
    click.echo(f"{made.document}" + (f": {made.remark}" if made.remark else ""))
