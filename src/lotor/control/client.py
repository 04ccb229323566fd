"""The command line's end of the administrator's socket: plain blocking calls, quick to import."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from lotor.control.messages import LONGEST_RESPONSE, BadMessage, Request, Response, decode_response, encode


class Unreachable(Exception):  # noqa: N818 - a sentence for a person, not an error class among others
    """No daemon answers; the text says what to do."""


class Connection:
    """One connection; responses are read one by one. `place`: where the daemon listens, or a socket that it has the
    other end of."""

    def __init__(self, place: Path | socket.socket) -> None:
        self._socket = place if isinstance(place, socket.socket) else _connected(place)
        self._daemon = f"the daemon at {place}" if isinstance(place, Path) else "the daemon"
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def wait_at_most(self, seconds: float) -> None:
        """From now on a daemon that is silent for so long is `Unreachable`."""
        self._socket.settimeout(seconds)

    def send(self, request: Request) -> None:
        try:
            self._socket.sendall(encode(request))
        except OSError as error:
            raise Unreachable(f"{self._daemon} closed the connection") from error

    def receive(self) -> Response:
        """The next response; `Unreachable` when the daemon went away."""
        try:
            line = self._stream.readline(LONGEST_RESPONSE)
        except TimeoutError as error:
            raise Unreachable(f"{self._daemon} does not answer") from error
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise Unreachable(f"{self._daemon} closed the connection")
        try:
            return decode_response(line)
        except BadMessage as error:
            raise Unreachable(f"{self._daemon} speaks another language: {error}") from error

    def responses(self) -> Iterator[Response]:
        """Until the daemon closes."""
        while True:
            try:
                yield self.receive()
            except Unreachable:
                return


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError as error:
        made.close()
        raise Unreachable(_why(path, error)) from error
    return made


def _why(path: Path, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"no permission for the daemon's socket {path}: ask for its group, see adminsock in racoon.conf"
    return f"cannot reach the daemon at {path}: is it running? start it with: lotor daemon -f FILE"
