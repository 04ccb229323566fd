"""`lotor daemon`."""

from __future__ import annotations

from pathlib import Path

import click

from lotor.cli.locate import configuration


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration; default /etc/lotor/racoon.conf.")
@click.option("-F", "--foreground", is_flag=True, help="Stay in the foreground, log to standard error.")
@click.option("-l", "--log", type=click.Path(path_type=Path), help="Log to this file instead of syslog.")
@click.option("-d", "--debug", is_flag=True, help="Log at level debug, whatever the configuration says.")
@click.option(
    "--capture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all IKE datagrams to this new pcapng file, and the keys to read them beside it.",
)
@click.option(
    "--single-process",
    is_flag=True,
    help="One process as root does everything: for containers and for debugging.",
)
@click.pass_context
def daemon(context: click.Context, /, file: Path | None, log: Path | None, **options: object) -> None:
    """Run the gateway, the client, or both, as the configuration says."""
    from lotor.daemon.options import Options
    from lotor.daemon.start import run

    capture = options["capture"]
    where = capture.absolute() if isinstance(capture, Path) else None
    foreground, debug = bool(options["foreground"]), bool(options["debug"])
    context.exit(run(Options(configuration(file), foreground, log, debug, where, bool(options["single_process"]))))
