"""What both ends of the line between warden and daemon do alike: read by turns, send in order, give up for good."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from lotor.privsep.codec import Malformed
from lotor.privsep.frames import TURN, Ended, Frame, receive, send


class Line(ABC):
    """One end, towards the `other` process. `lost` is called once, with a sentence, when the other process is gone or
    has broken a rule."""

    def __init__(self, end: socket.socket, other: str, lost: Callable[[str], None]) -> None:
        self._end = end
        self._other = other
        self._lost = lost
        self._open = True
        self._why = ""
        self._unsent: deque[Frame] = deque()
        self._full = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._readable)

    def close(self) -> None:
        """The socket stays open: its owner closes it."""
        self._give_up("")

    @abstractmethod
    def _take(self, frame: Frame) -> None:
        """Raises `Malformed` when the frame breaks a rule."""

    @abstractmethod
    def _let_go(self, why: str) -> None:
        """Nothing is read or sent any more."""

    @abstractmethod
    def _sent(self, frame: Frame) -> None:
        """A frame has left, and its descriptors are closed here."""

    def _send(self, frame: Frame) -> None:
        """Now, or when the other process has read what was sent before. Both ends bound how many may wait."""
        if not self._open:
            frame.close()
            return
        self._unsent.append(frame)
        if not self._full:
            self._flush()

    def _flush(self) -> None:
        while self._open and self._unsent:
            try:
                send(self._end, self._unsent[0])
            except BlockingIOError:
                self._full = True
                self._loop.add_writer(self._end, self._flush)
                return
            except Ended:
                self._give_up(f"the {self._other} is gone")
                return
            except OSError as error:
                self._give_up(f"the {self._other} cannot be written to: {error.strerror}")
                return
            frame = self._unsent.popleft()
            frame.close()
            self._sent(frame)
        if self._full:
            self._full = False
            self._loop.remove_writer(self._end)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(TURN):
                if not self._open:
                    return
                self._read()

    def _read(self) -> None:
        try:
            frame = receive(self._end)
        except Ended:
            self._give_up(f"the {self._other} is gone")
            return
        except Malformed as why:
            self._give_up(f"the {self._other} breaks the rules: {why}")
            return
        try:
            self._take(frame)
        except Malformed as why:
            frame.close()
            self._give_up(f"the {self._other} breaks the rules: {why}")

    def _give_up(self, why: str) -> None:
        if not self._open:
            return
        self._open, self._why = False, why
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        while self._unsent:
            self._unsent.popleft().close()
        self._let_go(why)
        if why:
            self._lost(why)
