"""What a gateway gives its clients beside the values of `mode_cfg` itself: more pools, and values by group."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from lotor.config.file_name import FileName
from lotor.config.problem import Places
from lotor.model.frozen import frozen
from lotor.model.network import Network


@frozen
class SplitNetwork:
    """Networks that clients reach through the tunnel, or (`local`) that they reach beside it."""

    networks: tuple[Network, ...]
    local: bool


class Unkept(Enum):
    """What becomes of a login whose grants cannot all be kept: it is refused, or comes in without that grant."""

    REFUSE = "refuse"
    NOTE = "note"


@frozen
class PoolSettings:
    """A pool beside that of `mode_cfg` itself. `netmask4` and `network6` None: as there."""

    name: str
    network4: IPv4Address
    netmask4: IPv4Address | None
    network6: IPv6Address | None
    prefix6: int
    pool_size: int
    places: Places = Places()


@frozen
class GroupSettings:
    """What members of a group are given in place of what `mode_cfg` says; None: that. `pool` and `filter` are names,
    empty where nothing is said of them."""

    name: str
    pool: str
    filter: str
    dns4: tuple[IPv4Address, ...] | None
    wins4: tuple[IPv4Address, ...] | None
    dns6: tuple[IPv6Address, ...] | None
    split_networks: tuple[SplitNetwork, ...] | None
    split_dns: tuple[str, ...] | None
    default_domain: str | None
    banner: FileName | None
    ikev1_until: str | None = None
    places: Places = Places()
