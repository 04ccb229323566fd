"""`lotor pki`: an authority of one's own, the gateway's certificate, or a request to somebody else's authority."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lotor.cli.groups import Told
from lotor.cli.locate import configuration
from lotor.daemon.exits import Exit, StartError
from lotor.model.algorithms import Curve
from lotor.model.frozen import frozen
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


BOTH = "both"
Kind = int | Curve
"""Of a key: the bits of one of RSA, the curve of one for ECDSA."""
HELP = "RSA, or ECDSA on P-256, P-384 or P-521"
OF_AUTHORITY = f"{HELP}; ec256 without."
OF_GATEWAY = (
    f"{HELP}, or both side by side. Without: rsa, or ec256 where all remote blocks of the gateway have "
    "authentication_method ecdsasig."
)


def with_kinds(*more: str, told: str = OF_AUTHORITY) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Two options that make one argument `kinds`, of the keys that are wanted; empty where none was named."""

    def around(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--bits", type=int, help=f"Size of an RSA key; {BITS} without.")
        @click.option("--key", type=click.Choice(["rsa", *CURVES, *more]), help=told)
        @wraps(command)
        def wrapped(*words: object, bits: int | None, key: str | None, **options: object) -> None:
            command(*words, kinds=_kinds(bits, key), **options)

        return wrapped

    return around


def _kinds(bits: int | None, key: str | None) -> tuple[Kind, ...]:
    if key in CURVES:
        if bits is not None:
            raise click.UsageError("--bits is for RSA keys")
        return (CURVES[key],)
    if key == BOTH:
        return (bits or BITS, Curve.P256)
    return (bits or BITS,) if key == "rsa" or bits is not None else ()


@click.group(cls=Told)
def pki() -> None:
    """Make the certificates of the VPN."""


@pki.command()
@click.argument("name", default="lotor VPN CA")
@click.option("--days", type=int, default=CA_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@with_kinds()
@FORCE
def ca(name: str, days: int, directory: Path, kinds: tuple[Kind, ...], *, force: bool) -> None:
    """Make an authority called NAME: ca.key and ca.crt. Clients get ca.crt."""
    from lotor.pki.authority import create_ca

    (making,) = _makings(days, kinds or (Curve.P256,), force=force)
    _tell(lambda: create_ca(directory, name, making))
    if not kinds:
        click.echo(_wrapped(AUTHORITY))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--days", type=int, default=GATEWAY_DAYS, show_default=True, help="Validity.")
@DIRECTORY
@FILE
@with_kinds(BOTH, told=OF_GATEWAY)
@FORCE
def gateway(names: tuple[str, ...], days: int, directory: Path, kinds: tuple[Kind, ...], **options: object) -> None:
    """Make vpngw.key and vpngw.crt for a gateway that clients reach by NAMES (host names, addresses).

    With --key both also vpngw-ecdsa.key and vpngw-ecdsa.crt.
    """
    from lotor.pki.authority import CERTIFICATE, issue_gateway

    wanted = Wanted(directory, days, CERTIFICATE)
    _make(wanted, kinds, options, lambda making: issue_gateway(directory, names, making))


@pki.command()
@click.argument("names", nargs=-1, required=True)
@DIRECTORY
@FILE
@with_kinds(BOTH, told=OF_GATEWAY)
@FORCE
def request(names: tuple[str, ...], directory: Path, kinds: tuple[Kind, ...], **options: object) -> None:
    """Make vpngw.key and the signing request vpngw.csr for somebody else's authority.

    With --key both also vpngw-ecdsa.key and vpngw-ecdsa.csr.
    """
    from lotor.pki.authority import REQUEST
    from lotor.pki.authority import request as make_request

    wanted = Wanted(directory, GATEWAY_DAYS, REQUEST)
    _make(wanted, kinds, options, lambda making: make_request(directory, names, making))


CERTIFICATES = Path("/etc/lotor/certs")
PLACE = click.option(
    "-d",
    "--directory",
    type=click.Path(path_type=Path),
    default=CERTIFICATES,
    show_default=True,
    help="Where the files are.",
)


@pki.command()
@click.argument("names", nargs=-1)
@PLACE
@click.option("--contact", "contacts", multiple=True, metavar="MAIL", help="Whom the authority may write to.")
@click.option("--server", metavar="URL", help="Directory of the authority; without: that of Let's Encrypt.")
@click.option("--staging", is_flag=True, help="Let's Encrypt's authority for attempts, which nobody trusts.")
@click.option("--root", type=click.Path(path_type=Path), help="Who vouches for the authority's server, a PEM file.")
@click.option("--agree-terms", is_flag=True, help="Agree to the authority's terms without being asked.")
@click.option(
    "--challenge",
    type=click.Choice(["http-01", "tls-alpn-01"]),
    help="How NAMES are proved: at TCP port 80 (without it), or 443. The port is open while that lasts.",
)
@with_kinds(BOTH, told=f"{HELP}, or both side by side; rsa without.")
@click.option(
    "--renew", is_flag=True, help="Renew what was ordered before and is due: two thirds of its life are over."
)
@click.option("--force", is_flag=True, help="Replace what is there, and renew what is not due.")
@click.option("--patience", type=float, default=30.0, show_default=True, help="Seconds for the authority to answer.")
@click.option("--reload/--no-reload", default=True, help="Let the daemon take the new one; no session ends.")
@click.option("-s", "--socket", type=click.Path(path_type=Path), help="Control socket of the daemon.")
@FILE
def acme(names: tuple[str, ...], directory: Path, kinds: tuple[Kind, ...], **options: Any) -> None:
    """Order a certificate of a public authority for NAMES, by ACME (RFC 8555): vpngw.key and vpngw.crt.

    With --renew the names are those of the last order. The key stays; a timer does it with the packages.
    """
    from lotor.cli.acme import certified

    if bool(names) is options["renew"]:
        raise click.UsageError("give NAMES for an order, or --renew for what was ordered before")
    if options["staging"] and options["server"]:
        raise click.UsageError("--staging is an authority, and so is --server: take one of them")
    for line in _told(lambda: certified(directory, names, kinds or (BITS,), options)):
        click.echo(line)


@pki.command()
@PLACE
@click.pass_context
def status(context: click.Context, /, directory: Path) -> None:
    """Tell when the gateway's certificates end, and whether their renewal works. Exits with 1 where there is none, one
    has ended or cannot be read, or the last attempt to renew failed."""
    from lotor.cli.acme import state

    found = _told(lambda: state(directory))
    for line in found.lines:
        click.echo(line)
    context.exit(Exit.FAILED if found.wrong else Exit.OK)


@pki.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Show the certificates in FILE."""
    from lotor.pki.summary import show as summary

    click.echo(_told(lambda: summary(file)))


@frozen
class Wanted:
    """`suffix`: of the files beside the keys."""

    directory: Path
    days: int
    suffix: str


def _make(wanted: Wanted, kinds: tuple[Kind, ...], options: dict[str, object], make: Callable[[Making], Made]) -> None:
    """One after another, and nothing where one is there already."""
    from lotor.pki.authority import CERTIFICATE, side_by_side

    why = ""
    if not kinds:
        kinds, why = _chosen(options["file"])
    makings = _makings(wanted.days, kinds, force=bool(options["force"]))
    _told(lambda: side_by_side(wanted.directory, makings, wanted.suffix))
    for making in makings:
        _tell(partial(make, making))
    if len(makings) > 1 and wanted.suffix == CERTIFICATE:
        click.echo("Both stand in one remote block, the one that is preferred first:")
        for each in makings:
            click.echo(f'    certificate_type x509 "{each.stem}.crt" "{each.stem}.key";')
    if why:
        click.echo(_wrapped(why))


def _chosen(file: object) -> tuple[tuple[Kind, ...], str]:
    """The type of key that a gateway's clients can use, and a remark on it."""
    from lotor import config

    try:
        remotes = config.load(configuration(file if isinstance(file, Path) else None)).settings.remotes
    except config.ConfigError:
        remotes = ()
    gateways = [each for each in remotes if config.side_of(each) is Side.GATEWAY]
    if gateways and all(map(config.uses_ecdsa, gateways)):
        return (Curve.P256,), CONFIGURED
    return (BITS,), LOGINS


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 80)


def _makings(days: int, kinds: tuple[Kind, ...], *, force: bool) -> list[Making]:
    """Beside one of RSA that of ECDSA has files of its own."""
    from lotor.pki.authority import ELLIPTIC_GATEWAY, GATEWAY, Making

    return [
        Making(days, force=force, curve=kind, stem=GATEWAY if len(kinds) == 1 else ELLIPTIC_GATEWAY)
        if isinstance(kind, Curve)
        else Making(days, kind, force)
        for kind in kinds
    ]


T = TypeVar("T")


def _told(make: Callable[[], T]) -> T:
    from lotor.pki.fault import PkiError

    try:
        return make()
    except PkiError as error:
        raise StartError(str(error)) from error


def _tell(make: Callable[[], Made]) -> None:
    made = _told(make)
    click.echo(f"{made.key}: keep it secret")
    click.echo(f"{made.document}" + (f": {made.remark}" if made.remark else ""))
