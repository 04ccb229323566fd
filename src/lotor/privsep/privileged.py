"""What needs rights, as ports: in this process, or in a warden's at the other end of the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lotor.config.provision import Provision
from lotor.ports.auth import LoginBackend
from lotor.ports.hooks import Hooks
from lotor.ports.host import Host
from lotor.ports.interface import Tunnels
from lotor.ports.leases import Leases
from lotor.ports.signer import Signer
from lotor.ports.sockets import Sockets


@dataclass(frozen=True, slots=True)
class Privileged:
    """Each stays the same object for as long as the program runs: a reload changes what is behind it."""

    signer: Signer
    logins: LoginBackend
    leases: Leases
    sockets: Sockets
    tunnels: Tunnels
    host: Host
    hooks: Hooks


class Configurations(Protocol):
    """Whoever reads the configuration file, and holds the engines that obey it first."""

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
