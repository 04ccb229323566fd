"""`lotor daemon`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from lotor.cli.locate import configuration

JSON = "json"


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration; default /etc/lotor/racoon.conf.")
@click.option("-F", "--foreground", is_flag=True, help="Stay in the foreground, log to standard error.")
@click.option(
    "-l",
    "--log",
    "logs",
    type=click.Path(),
    multiple=True,
    metavar="FILE|json",
    help="Log to this file instead of syslog; json: in lines of JSON. Both may be given.",
)
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
def daemon(context: click.Context, /, file: Path | None, logs: tuple[str, ...], **options: object) -> None:
    """Run the gateway, the client, or both, as the configuration says."""
    from lotor.daemon.options import Options
    from lotor.daemon.start import run

    capture = options["capture"]
    where = capture.absolute() if isinstance(capture, Path) else None
    log, json = _log(logs)
    chosen = Options(configuration(file), log=log, json=json, capture=where)
    foreground, debug, single = (bool(options[name]) for name in ("foreground", "debug", "single_process"))
    context.exit(run(replace(chosen, foreground=foreground, debug=debug, single_process=single)))


def _log(said: tuple[str, ...]) -> tuple[Path | None, bool]:
    """The file, and whether its lines are JSON. A file of that name is ./json."""
    files = [Path(each) for each in said if each != JSON]
    if len(files) > 1:
        raise click.UsageError("--log names one file, and may say json beside it")
    return (files[0] if files else None), len(files) < len(said)
