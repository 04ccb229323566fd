"""The variables of a hook, as racoon names them: one table gives names, meanings and values.

What a peer sent is in them as validated addresses and domain names or as cleaned text, never as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network

from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.policy import Side
from lotor.model.text import clean, domain_name
from lotor.ports.hooks import HookContext

LONGEST = 4096


@frozen
class Variable:
    """`value` None: the variable is not set at all."""

    name: str
    meaning: str
    value: Callable[[HookContext], str | None]


def environment(context: HookContext) -> dict[str, str]:
    """Every variable of the table that this context has; those that are not known yet are empty."""
    told = ((variable.name, variable.value(context)) for variable in VARIABLES)
    return {name: value for name, value in told if value is not None}


def _received(
    value: Callable[[ModeConfiguration], str], *, without: str = "", gateway: bool = False
) -> Callable[[HookContext], str]:
    """A value of the mode configuration. racoon's gateway knows the client's address only: `gateway` for that one."""

    def told(context: HookContext) -> str:
        if context.configuration is None or (context.side is Side.GATEWAY and not gateway):
            return without
        return value(context.configuration)

    return told


def _first(addresses: Sequence[Address]) -> str:
    return str(addresses[0]) if addresses else ""


def _list(values: Iterable[object], separator: str = " ") -> str:
    return separator.join(map(str, values))


def _netmask(configuration: ModeConfiguration) -> str:
    return str(configuration.netmask) if configuration.netmask is not None else ""


def _prefix_length(configuration: ModeConfiguration) -> str:
    return str(int(configuration.netmask or 0).bit_count())


def _address6(configuration: ModeConfiguration) -> str:
    return str(configuration.address6.ip) if configuration.address6 is not None else ""


def _prefix_length6(configuration: ModeConfiguration) -> str:
    return str(configuration.address6.network.prefixlen) if configuration.address6 is not None else ""


def _with_netmask(networks: tuple[IPv4Network, ...]) -> str:
    return _list(network.with_netmask for network in networks)


def _domains(configuration: ModeConfiguration) -> str:
    return _list(filter(None, map(domain_name, configuration.split_dns)), ",")


def _user(context: HookContext) -> str | None:
    known = context.side is Side.GATEWAY and context.user
    return clean(context.user or "", longest=LONGEST) if known else None


def _groups(context: HookContext) -> str | None:
    """A name with a comma would read as two groups, and the beginning of a longer one as another group."""
    told = ""
    for name in sorted(each for each in context.groups if each and each == clean(each) and "," not in each):
        if len(told) + len(name) < LONGEST:
            told += f",{name}" if told else name
    return told or None


VARIABLES = (
    Variable("LOCAL_ADDR", "this end's outer address", lambda o: str(o.path.local.address)),
    Variable("LOCAL_PORT", "this end's UDP port (4500 after NAT traversal)", lambda o: str(o.path.local.port)),
    Variable("REMOTE_ADDR", "the peer's outer address", lambda o: str(o.path.remote.address)),
    Variable("REMOTE_PORT", "the peer's UDP port as it arrives here", lambda o: str(o.path.remote.port)),
    Variable("REMOTE_ID", "the peer's phase 1 identity as text", lambda o: clean(o.peer_id, longest=LONGEST)),
    Variable("IKE_COOKIE", "the cookies, `initiator:responder`, hexadecimal", lambda o: clean(o.cookies)),
    Variable("INTERNAL_ADDR4", "the client's inner address", _received(lambda c: str(c.address), gateway=True)),
    Variable("INTERNAL_NETMASK4", "its netmask, dotted", _received(_netmask)),
    Variable("INTERNAL_MASK4", "the same under its old name", _received(_netmask)),
    Variable("INTERNAL_CIDR4", "the netmask's length; 0 without a netmask", _received(_prefix_length, without="0")),
    Variable("INTERNAL_DNS4", "the first DNS server", _received(lambda c: _first(c.dns))),
    Variable("INTERNAL_DNS4_LIST", "all DNS servers, separated by blanks", _received(lambda c: _list(c.dns))),
    Variable("INTERNAL_WINS4", "the first WINS server", _received(lambda c: _first(c.wins))),
    Variable("INTERNAL_WINS4_LIST", "all WINS servers, separated by blanks", _received(lambda c: _list(c.wins))),
    Variable(
        "DEFAULT_DOMAIN",
        "the inside's domain; empty unless a domain name",
        _received(lambda c: domain_name(c.domain) or ""),
    ),
    Variable(
        "SPLIT_INCLUDE",
        "the networks behind the tunnel, `net/mask`, separated by blanks; empty: everything",
        _received(lambda c: _with_netmask(c.split_include)),
    ),
    Variable("SPLIT_INCLUDE_CIDR", "the same as `net/length`", _received(lambda c: _list(c.split_include))),
    Variable(
        "SPLIT_LOCAL",
        "the networks beside the tunnel, `net/mask`, separated by blanks",
        _received(lambda c: _with_netmask(c.split_local)),
    ),
    Variable("SPLIT_LOCAL_CIDR", "the same as `net/length`", _received(lambda c: _list(c.split_local))),
    Variable(
        "INTERNAL_SPLITDNS_DOMAINS",
        "the domains that the inside's DNS servers answer for, separated by commas; only domain names",
        _received(_domains),
    ),
    Variable(
        "INTERNAL_ADDR6",
        "the client's inner IPv6 address; empty: the tunnel carries IPv4 only (this and the next ones not in racoon)",
        _received(_address6, gateway=True),
    ),
    Variable("INTERNAL_PREFIX6", "the length of its prefix", _received(_prefix_length6)),
    Variable("INTERNAL_DNS6", "the first DNS server reached by IPv6", _received(lambda c: _first(c.dns6))),
    Variable("INTERNAL_DNS6_LIST", "all of them, separated by blanks", _received(lambda c: _list(c.dns6))),
    Variable(
        "SPLIT_INCLUDE6_CIDR",
        "the IPv6 networks behind the tunnel, `net/length`, separated by blanks; empty: everything",
        _received(lambda c: _list(c.split_include6)),
    ),
    Variable("XAUTH_USER", "the login name; only on the gateway, after the login", _user),
    Variable(
        "LOTOR_GROUPS",
        "the groups that were granted with the login, separated by commas; only where there are some (not in racoon)",
        _groups,
    ),
    Variable("LOTOR_DEVICE", "the device of the tunnels (not in racoon)", lambda o: o.device),
    Variable("TUNDEV", "the same, as vpnc scripts call it (not in racoon)", lambda o: o.device),
)

NAMES = frozenset(variable.name for variable in VARIABLES)


def table() -> str:
    """The table of docs/hooks.md."""
    rows = [f"| `{variable.name}` | {variable.meaning} |" for variable in VARIABLES]
    return "\n".join(["| variable | meaning |", "|---|---|", *rows]) + "\n"
