"""What both ends of the line between warden and daemon do alike: read frames by turns, and give up for good."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable

from lotor.privsep.codec import Malformed
from lotor.privsep.frames import TURN, Ended, Frame, receive


class Line(ABC):
    """One end, towards the `other` process. `lost` is called once, with a sentence, when the other process is gone or
    has broken a rule."""

    def __init__(self, end: socket.socket, other: str, lost: Callable[[str], None]) -> None:
        self._end = end
        self._other = other
        self._lost = lost
        self._open = True
        asyncio.get_running_loop().add_reader(end, self._readable)

    def close(self) -> None:
        """The socket stays its owner's."""
        self._give_up("")

    @abstractmethod
    def _take(self, frame: Frame) -> None:
        """Raises `Malformed` when the frame breaks a rule."""

    @abstractmethod
    def _let_go(self, why: str) -> None:
        """Nothing is read or sent any more."""

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
        self._open = False
        asyncio.get_running_loop().remove_reader(self._end)
        self._let_go(why)
        if why:
            self._lost(why)
