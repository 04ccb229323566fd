"""A person's conversation with the daemon of `lotor connect`, and what ends it: the person, a signal, or the daemon.

The person talks as `lotor vc` does, over a connection that has no name. The daemon has no hand in the terminal: what is
typed is asked for in the process with rights, which reads nothing of the daemon but its answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from lotor.daemon.exits import Exit, StartError
from lotor.names.aside import aside

PATIENCE = 2.0
"""Seconds in which a daemon that hung up is gone: how it ended says more than its silence."""

Person: TypeAlias = Callable[[socket.socket], None]
"""Talks over a socket, in a thread of its own. Returns when the connection was ended on purpose; `StartError` when it
came to nothing or was lost, with `NO_DAEMON` where the daemon hung up."""


class Talk:
    """Made in a running event loop; both ends of the connection are closed behind it. `stopped` is set by SIGINT,
    SIGTERM and SIGHUP; `over`: the person has talked to the end."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ours, self.theirs = socket.socketpair()
        self.stopped = asyncio.Event()
        self.over = False

    def __enter__(self) -> Self:
        self.obey_signals()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.theirs.close()
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)  # the person may still read

    def obey_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.stopped.set)

    def lost(self, how: str) -> None:
        """The daemon has ended by itself."""
        if not self._gone.done():
            self._gone.set_result(how)

    async def hold(self) -> None:
        """Until the conversation is over, or `stopped`. Raises `StartError`."""
        said, stops = self._begin(), asyncio.ensure_future(self.stopped.wait())
        first: set[asyncio.Future[Any]] = {said, stops, self._gone}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if said.done() and isinstance(why := said.result(), StartError) and why.code is Exit.NO_DAEMON:
                await asyncio.wait(first - {said}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            self._judge(said)
        finally:
            stops.cancel()

    def _judge(self, said: asyncio.Future[BaseException | None]) -> None:
        if self.stopped.is_set():
            return
        if self._gone.done():
            raise StartError(f"the daemon ended unexpectedly ({self._gone.result()})", Exit.LOCAL_FAULT)
        if (why := said.result()) is not None:
            raise why
        self.over = True

    def _begin(self) -> asyncio.Future[BaseException | None]:
        """What the person's thread ends with. It keeps no program alive: it may wait for a key that nobody presses."""

        def talk() -> BaseException | None:
            try:
                self._person(self._ours)
            except BaseException as error:  # noqa: BLE001 - raised again where the program waits
                return error
            return None

        return aside(talk)
