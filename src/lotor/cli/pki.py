"""`lotor pki`: an authority of one's own, the gateway's certificate, or a request to somebody else's authority."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli.groups import Told
from lotor.cli.locate import configuration
from lotor.daemon.exits import StartError
from lotor.model.algorithms import Curve
from lotor.model.policy import Side

if TYPE_CHECKING:
    from lotor.pki.authority import Made, Making

HERE = Path()
FILE = click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    help="Configuration of the gateway; default /etc/lotor/racoon.conf.",
)
DIRECTORY = click.option(
    "-d", "--directory", type=click.Path(path_type=Path), default=HERE, help="Where the files go; default here."
)
FORCE = click.option("--force", is_flag=True, help="Replace files that are there.")
CURVES = {"ec256": Curve.P256, "ec384": Curve.P384, "ec521": Curve.P521}
CA_DAYS, GATEWAY_DAYS = 3650, 825


BITS = 3072
LOGINS = "an RSA key: methods with a login (hybrid_rsa, xauth_rsa) need one, and vpnc and Apple's IKEv1 take no other"
CONFIGURED = "an ECDSA key, since the configuration has ecdsasig alone: vpnc and Apple's IKEv1 do not take it"
AUTHORITY = (
    "it signs with ECDSA, which keeps a gateway's answer small. lotor, strongSwan and vpnc take it; Apple's IKEv1 was "
    "never tried: for that --key rsa"
)


def with_key(command: Callable[..., None]) -> Callable[..., None]:
    """Two options that make one argument `key`: the bits of an RSA key, the curve of one for ECDSA, None where neither
    was named."""

    @click.option("--bits", type=int, help=f"Size of an RSA key; {BITS} without.")
    @click.option(
        "--key",
        type=click.Choice(["rsa", *CURVES]),
        help="RSA, or ECDSA on P-256, P-384 or P-521. Without: ec256 for an authority; for a gateway rsa, or ec256 "
        "where all its remote blocks have authentication_method ecdsasig.",
    )
    @wraps(command)
    def wrapped(*words: object, bits: int | None, key: str | None, **options: object) -> None:
        if key in CURVES and bits is not None:
            raise click.UsageError("--bits is for RSA keys")
        named = bits or BITS if key == "rsa" or bits is not None else None
        command(*words, key=CURVES.get(key or "", named), **options)

    return wrapped


@click.group(cls=Told)
def pki() -> None:
    """Make the certificates of the VPN."""


@pki.command()
@click.argument("name", default="lotor VPN CA")
@click.option("--days", type=int, default=CA_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@with_key
@FORCE
def ca(name: str, days: int, directory: Path, key: int | Curve | None, *, force: bool) -> None:
    """Make an authority called NAME: ca.key and ca.crt. Clients get ca.crt."""
    from lotor.pki.authority import create_ca

    _tell(lambda: create_ca(directory, name, _making(days, key or Curve.P256, force=force)))
    if key is None:
        click.echo(_wrapped(AUTHORITY))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--days", type=int, default=GATEWAY_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@FILE
@with_key
@FORCE
def gateway(names: tuple[str, ...], days: int, directory: Path, key: int | Curve | None, **options: object) -> None:
    """Make vpngw.key and vpngw.crt for a gateway that clients reach by NAMES (host names, addresses)."""
    from lotor.pki.authority import issue_gateway

    chosen, why = _chosen(key, options["file"])
    _tell(lambda: issue_gateway(directory, names, _making(days, chosen, force=bool(options["force"]))))
    if why:
        click.echo(_wrapped(why))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@DIRECTORY
@FILE
@with_key
@FORCE
def request(names: tuple[str, ...], directory: Path, key: int | Curve | None, **options: object) -> None:
    """Make vpngw.key and the signing request vpngw.csr for somebody else's authority."""
    from lotor.pki.authority import request as make_request

    chosen, why = _chosen(key, options["file"])
    _tell(lambda: make_request(directory, names, _making(GATEWAY_DAYS, chosen, force=bool(options["force"]))))
    if why:
        click.echo(_wrapped(why))


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


def _chosen(key: int | Curve | None, file: object) -> tuple[int | Curve, str]:
    """The type of key that a gateway's clients can use, and a remark on it where no `--key` was given."""
    from lotor import config

    if key is not None:
        return key, ""
    try:
        remotes = config.load(configuration(file if isinstance(file, Path) else None)).settings.remotes
    except config.ConfigError:
        remotes = ()
    gateways = [each for each in remotes if config.side_of(each) is Side.GATEWAY]
    if gateways and all(map(config.uses_ecdsa, gateways)):
        return Curve.P256, CONFIGURED
    return BITS, LOGINS


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 80)


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
