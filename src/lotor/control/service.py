"""What the administrator's socket needs of the program behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lotor.control.messages import (
    AddBan,
    Connect,
    Debug,
    Disconnect,
    Drain,
    Explain,
    Failed,
    Gateways,
    Happened,
    Lift,
    Logout,
    Portal,
    Response,
    Secrets,
    Status,
    Until,
)
from lotor.control.views import StatusView
from lotor.model.frozen import frozen
from lotor.model.prompt import Field


@frozen
class Credential:
    """Who called, as the kernel says (SO_PEERCRED and SO_PEERGROUPS). `groups`: `gid` and the supplementary ones."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = frozenset()

    def __str__(self) -> str:
        return f"pid {self.pid} uid {self.uid} gid {self.gid}"


class Caller(Protocol):
    """The other end of the connection on which a request came."""

    @property
    def credential(self) -> Credential: ...

    async def prompt(self, wants: tuple[Field, ...], message: str) -> Secrets | None: ...

    async def tell(self, text: str) -> None: ...


class Service(Protocol):
    """Carries requests out, each as far as its caller may ask for it. `connect` is cancelled when its caller goes away
    before it is done."""

    async def connect(self, request: Connect, caller: Caller) -> Response: ...

    async def until(self, request: Until, caller: Caller) -> Response: ...

    async def disconnect(self, request: Disconnect, caller: Caller) -> Response: ...

    async def logout(self, request: Logout, caller: Caller) -> Response: ...

    async def status(self, request: Status, caller: Caller) -> StatusView: ...

    async def metrics(self, caller: Caller) -> Response: ...

    def explain(self, request: Explain, caller: Caller) -> Response: ...

    async def reload(self, caller: Caller) -> Response: ...

    async def portal(self, request: Portal, caller: Caller) -> Response: ...

    async def bans(self, caller: Caller) -> Response: ...

    async def gateways(self, request: Gateways, caller: Caller) -> Response: ...

    async def ban(self, request: AddBan, caller: Caller) -> Response: ...

    async def lift(self, request: Lift, caller: Caller) -> Response: ...

    def drain(self, request: Drain, caller: Caller) -> Response: ...

    def subscribe(self, listener: Callable[[Happened], None], caller: Caller) -> Callable[[], None]:
        """Returns what ends the subscription."""
        ...

    def debug(
        self, request: Debug, listener: Callable[[Happened], None], caller: Caller
    ) -> Callable[[], None] | Failed:
        """As `subscribe`, of one peer."""
        ...
