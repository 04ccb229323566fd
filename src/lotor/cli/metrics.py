"""`lotor metrics`: the figures of a daemon for Prometheus, once or over HTTP."""

from __future__ import annotations

import contextlib
import signal
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lotor.cli.calling import FILE, SOCKET, call, look, refusal
from lotor.cli.terminal import Style, say
from lotor.control.messages import Measured, Metrics
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.cli.calling import Daemon
    from lotor.metrics.exposition import Figures
    from lotor.metrics.view import MetricsView

ANYWHERE = "anybody who reaches {} reads how many people are connected, and when: a firewall has to limit that"


class Place(click.ParamType[tuple[str, int] | Path]):
    """ADDRESS:PORT, with an IPv6 address in brackets, or the path of a socket."""

    name = "address:port|path"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int] | Path:
        text = str(value)
        if text.startswith(("/", "./")):
            return Path(text)
        address, _, port = text.rpartition(":")
        try:
            return str(ip_address(address.strip("[]"))), _port(port)
        except ValueError:
            self.fail(f"{text} is neither ADDRESS:PORT, such as 127.0.0.1:9469, nor the path of a socket", param, ctx)


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise ValueError
    return port


@click.command()
@click.option("--listen", type=Place(), help="Answer Prometheus there until Ctrl-C: ADDRESS:PORT, or a socket's path.")
@SOCKET
@FILE
@click.pass_context
def metrics(context: click.Context, /, listen: tuple[str, int] | Path | None, **options: object) -> None:
    """Print the figures of the daemon as Prometheus reads them."""
    from lotor.metrics.exposition import Figures

    if listen is None:
        with look(context, options) as daemon:
            view = _measured(daemon)
        click.echo(Figures(lambda: view).text(), nl=False)
        return

    def ask() -> MetricsView | None:
        """None when no daemon answers: it may be there again at the next time."""
        try:
            with call(context, options) as daemon:
                return _measured(daemon)
        except StartError as error:
            if error.code is not Exit.NO_DAEMON:
                click.echo(f"lotor: {error}", err=True)
            return None

    _serve(Figures(ask), listen)


def _serve(figures: Figures, listen: tuple[str, int] | Path) -> None:
    from lotor.metrics.exposition import serving

    where = str(listen) if isinstance(listen, Path) else f"http://{_host(listen[0])}:{listen[1]}/metrics"
    if not isinstance(listen, Path) and not ip_address(listen[0]).is_loopback:
        say(f"lotor: warning: {ANYWHERE.format(where)}", Style.WARNING, error=True)
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends as by Ctrl-C: no socket is left behind
        with contextlib.suppress(KeyboardInterrupt), serving(figures, listen) as server:
            click.echo(f"lotor metrics at {where}", err=True)
            server.serve_forever()
    except OSError as error:
        raise StartError(f"cannot listen at {where}: {error.strerror or error}", Exit.BUSY) from error


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _measured(daemon: Daemon) -> MetricsView:
    daemon.send(Metrics())
    response = daemon.receive()
    if not isinstance(response, Measured):
        raise refusal(response)
    return cast("MetricsView", response.figures)
