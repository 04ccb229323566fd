"""Where a server is: its name, looked up aside and again, so that nobody waits for a resolver that was asked before."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from lotor.names.aside import aside

FRESH = 300.0
"""Seconds after which a name is looked up again; meanwhile the former addresses count."""
PAUSE = 5.0
"""Seconds between two attempts to look up a name that nobody knows."""
MOST_ADDRESSES = 8

LookUp = Callable[[str], Awaitable[list[str]]]


class UnknownNameError(OSError):
    """The text says which name, and why it is not known."""


async def looked_up(name: str) -> list[str]:
    """The addresses of a name, in the order in which this host prefers them. Raises `OSError`, and `UnicodeError` for
    what is no name at all."""
    try:
        found = await aside(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM), "lotor-names")
    except RuntimeError as error:
        raise OSError(None, "this host has no room for another thread") from error
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class Whereabouts:
    """Of one server. At most one look-up is under way, however many ask: a resolver that hangs costs one thread."""

    def __init__(self, name: str, look_up: LookUp = looked_up) -> None:
        self.name = name
        self._look_up = look_up
        self._literal = _is_address(name)
        self._known: list[str] = [name] if self._literal else []
        self._turn = 0
        self._due = 0.0
        self._fault = ""
        self._looking: asyncio.Task[None] | None = None

    async def address(self) -> str:
        """The one whose turn it is. As `addresses`."""
        return (await self.addresses())[0]

    async def addresses(self) -> list[str]:
        """All of them, from the one whose turn it is. Waits only for a name that was never found. Raises
        `UnknownNameError`."""
        if not self._literal and asyncio.get_running_loop().time() >= self._due:
            self._look()
        if not self._known and self._looking is not None:
            await asyncio.shield(self._looking)
        if not self._known:
            raise UnknownNameError(f"{self.name} is not known to the name servers of this host: {self._fault}")
        turn = self._turn % len(self._known)
        return self._known[turn:] + self._known[:turn]

    def moved(self) -> None:
        """It does not answer there: the next of its addresses, and a look-up when somebody asks again."""
        self._turn += 1
        self._due = 0.0

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._find())

    async def _find(self) -> None:
        """What was known stays known when nothing is found now."""
        try:
            found = (await self._look_up(self.name))[:MOST_ADDRESSES]
        except (OSError, UnicodeError) as error:
            found, self._fault = [], str(getattr(error, "strerror", None) or error)
        finally:
            self._looking = None
        with contextlib.suppress(ValueError):
            self._turn = found.index(self._known[self._turn % len(self._known)]) if self._known else 0
        self._known = found or self._known
        self._due = asyncio.get_running_loop().time() + (FRESH if found else PAUSE)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
