"""What a back end gives a person beside its yes; whatever is missing is as the configuration says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from lotor.model.frozen import frozen

MOST_ROUTES = 64
"""Networks of each IP version: what a client takes as split networks."""
MOST_SERVERS = 4
"""Addresses of each kind of server, as many as mode config has places for."""
MOST_GROUPS = 128
MOST_DOMAINS = 32
LONGEST_NAME = 64
"""Characters of the name of a group, a pool or a filter, as in the configuration."""
LONGEST_DOMAIN = 253
LONGEST_MESSAGE = 1024
"""Characters for the person, and of a banner as well."""
MOST_CLASSES = 4
LONGEST_CLASS = 253
"""Octets of one attribute of RADIUS (RFC 2865 §5)."""


@frozen
class Grants:
    """Back ends keep to the bounds above, and drop or refuse what is beyond them. Texts are `model.text.clean`.

    `address` and `netmask`: Framed-IP-Address, Framed-IP-Netmask (RFC 2865 §5.8, §5.9).
    `address6`: Framed-IPv6-Address (RFC 6911 §3.1) with the length of the prefix that the client is told.
    `pool`: the name of a pool of this gateway, Framed-Pool (RFC 2869 §5.18).
    `routes`, `routes6`: the networks behind the tunnel, in place of the configuration's: Framed-Route (RFC 2865
    §5.22), Framed-IPv6-Route (RFC 3162 §2.5).
    `session_time`: Session-Timeout, in seconds from the login on, after which the session ends (RFC 2865 §5.27).
    `idle_time`: Idle-Timeout, in seconds without a packet through the tunnel (RFC 2865 §5.28).
    `groups`: beside those of the host; rules, scripts and accounts hear of them.
    `filter`: the name of rules of this gateway, Filter-Id (RFC 2865 §5.11).
    `message`: for the person, Reply-Message (RFC 2865 §5.18).
    `dns4`, `wins4`: MS-Primary-DNS-Server and its kin (RFC 2548 §2.7); `dns6`: DNS-Server-IPv6-Address (RFC 6911
    §3.2). `default_domain`, `split_dns`, `banner`: what Cisco's gateways take as AV pairs.
    `accounting_classes`: each Class, which accounting gets back unread, in this order (RFC 2865 §5.25).
    `accounting_interval`: seconds between two records of the session, Acct-Interim-Interval (RFC 2869 §5.16).
    `sessions`: how many this user may have at a time (Port-Limit, RFC 2865 §5.42, is the nearest).
    `rate`: octets a second, in each direction.
    """

    address: IPv4Address | None = None
    netmask: IPv4Address | None = None
    address6: IPv6Interface | None = None
    pool: str = ""
    routes: tuple[IPv4Network, ...] = ()
    routes6: tuple[IPv6Network, ...] = ()
    session_time: float | None = None
    idle_time: float | None = None
    groups: frozenset[str] = frozenset()
    filter: str = ""
    message: str = ""
    dns4: tuple[IPv4Address, ...] = ()
    dns6: tuple[IPv6Address, ...] = ()
    wins4: tuple[IPv4Address, ...] = ()
    default_domain: str = ""
    split_dns: tuple[str, ...] = ()
    banner: str = ""
    accounting_classes: tuple[bytes, ...] = ()
    accounting_interval: float | None = None
    sessions: int | None = None
    rate: int | None = None


NO_GRANTS = Grants()


def told(before: Grants, after: Grants, *, timed: bool) -> str:
    """What a change of grants comes to, in words. `timed`: the time of the session begins anew."""
    times = (
        ("session time", after.session_time, timed),
        ("idle time", after.idle_time, after.idle_time != before.idle_time),
        ("accounting interval", after.accounting_interval, after.accounting_interval != before.accounting_interval),
    )
    found = [f"{name} {_seconds(value)}" for name, value, changed in times if changed]
    if after.accounting_classes != before.accounting_classes:
        found.append(f"{len(after.accounting_classes)} Class")
    return ", ".join(found) or "the same"


def _seconds(value: float | None) -> str:
    return f"{value:g} s" if value is not None else "without end"
