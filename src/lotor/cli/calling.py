"""How a command reaches the daemon: its options for the socket, and faults as exits."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from lotor.cli import locate
from lotor.control.client import Connection, Unreachable
from lotor.control.messages import Failed, Report, Request, Response, Status
from lotor.control.visits import answering
from lotor.daemon.exits import Exit, StartError, code_of

if TYPE_CHECKING:
    from lotor.control.views import StatusView

SOCKET = click.option("-s", "--socket", type=click.Path(path_type=Path), help="Control socket of the daemon.")
SEVERAL = "no daemon runs, but several lotor connect do; say which one is meant"
MOST_PAGES = 1000
"""Of one answer: 200,000 sessions, more than any gateway has."""
FILE = click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration that names the socket.")


class Daemon(Connection):
    """A connection, as `Connection` has it, whose faults are exits of a command."""

    def __init__(self, place: Path | socket.socket) -> None:
        try:
            super().__init__(place)
        except Unreachable as error:
            raise StartError(str(error), Exit.NO_DAEMON) from error

    def send(self, request: Request) -> None:
        """What the daemon said before it closed the connection is the better reason."""
        try:
            super().send(request)
        except Unreachable as error:
            last = next(self.responses(), None)
            if last is not None:
                raise refusal(last) from error
            raise StartError(str(error), Exit.NO_DAEMON) from error

    def receive(self) -> Response:
        try:
            return super().receive()
        except Unreachable as error:
            raise StartError(str(error), Exit.NO_DAEMON) from error


def call(context: click.Context, options: dict[str, object]) -> Daemon:
    """`--socket` of the command, else `-s` before it (racoonctl), else what the configuration says."""
    socket = _path(options.get("socket")) or _path(context.obj)
    return Daemon(locate.control_socket(socket, _path(options.get("file"))))


def look(context: click.Context, options: dict[str, object]) -> Daemon:
    """`call`; where no daemon answers and no socket was named, the `lotor connect` that runs without one."""
    try:
        return call(context, options)
    except StartError as error:
        if error.code is not Exit.NO_DAEMON or _path(options.get("socket")) or _path(context.obj):
            raise
        visits = answering()
        if not visits:
            from lotor.cli.closed import told

            raise told(error) from error
        if len(visits) > 1:
            raise StartError(f"{SEVERAL}: {' '.join(f'-s {each}' for each in visits)}", Exit.NO_DAEMON) from error
        return Daemon(visits[0])


def whole_status(daemon: Daemon, subject: str = "") -> StatusView:
    """The answer to `status`, page by page; of the sessions of `subject` only, where there is one."""
    view = one_page(daemon, Status(subject=subject))
    following, pages = view.get("next"), 1
    while following is not None:
        if (pages := pages + 1) > MOST_PAGES:
            raise StartError("the daemon's answer has no end", Exit.FAILED)
        more = one_page(daemon, Status(following, subject))
        view["sessions"] += more["sessions"]
        following = more.get("next")
    view["next"] = None
    return view


def one_page(daemon: Daemon, request: Status) -> StatusView:
    daemon.send(request)
    response = daemon.receive()
    if not isinstance(response, Report):
        raise refusal(response)
    return cast("StatusView", response.status)


def refusal(response: Response) -> StartError:
    """The exit that an unwanted response means."""
    if isinstance(response, Failed):
        return StartError(response.text, code_of(response.cause), response.fix)
    return StartError("the daemon gave an answer that fits no question", Exit.FAILED)


def _path(value: object) -> Path | None:
    return value if isinstance(value, Path) else None
