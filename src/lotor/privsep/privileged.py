"""The ports whose engines need rights: they are in this process, or in the warden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lotor.config.provision import Provision
from lotor.ports.accounting import SpooledAccounting
from lotor.ports.auth import LoginBackend
from lotor.ports.gateways import Gateways
from lotor.ports.hooks import Hooks
from lotor.ports.host import Host
from lotor.ports.host_esp import HostEsp
from lotor.ports.interface import Tunnels
from lotor.ports.leases import Leases
from lotor.ports.orders import Orders
from lotor.ports.records import Records
from lotor.ports.signer import Signer
from lotor.ports.sockets import Sockets
from lotor.ports.tickets import Tickets


@dataclass(frozen=True, slots=True)
class Privileged:
    """Each stays the same object for as long as the program runs: a reload changes what is behind it. `session_ids`:
    how the ids of this daemon's sessions begin, as those of no other do."""

    signer: Signer
    logins: LoginBackend
    leases: Leases
    sockets: Sockets
    tunnels: Tunnels
    esp: HostEsp
    host: Host
    hooks: Hooks
    accounting: SpooledAccounting
    session_ids: str
    records: Records
    orders: Orders
    gateways: Gateways
    tickets: Tickets


class Configurations(Protocol):
    """Reads the configuration file, and holds the engines to which it applies first."""

    async def prepare(self) -> Provision:
        """Reads the file anew; nothing changes yet. Raises `ConfigError`."""
        ...

    async def take_over(self) -> tuple[str, ...]:
        """From now on what was prepared last counts behind the ports; what a person should know of it. Raises
        `OSError`, and nothing has changed."""
        ...

    async def withdraw(self) -> None:
        """What was prepared last will not be taken over. Raises `OSError`."""
        ...
