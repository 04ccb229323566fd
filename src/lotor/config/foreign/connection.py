"""A connection as the files of other programs describe it, and the racoon.conf and psk.txt that mean the same."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address

from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.model.text import clean

Identifier = tuple[str, str]
"""The words of `my_identifier`, and the value, empty for none."""
UNWRITABLE = re.compile(r'["\x00-\x1f\x7f]')
LEAST_OCTETS = 16
"""Shorter keys need a word of their own in aggressive mode."""
MOST_CONNECTIONS = 256
"""Of one file: each costs a look at all secrets."""


class ForeignError(Exception):
    """The file is not what it should be; the text says what, and what to do."""


@frozen
class Ike:
    cipher: str
    hashing: str
    group: str


@dataclass(slots=True)
class Connection:
    """`method` is racoon's word without its side: hybrid_rsa, xauth_psk, xauth_rsa, rsasig, pre_shared_key. `ike` and
    `ciphers`, `integrities`: in order of preference. Times in seconds, None where the file says nothing. `pool`: the
    first address and how many, of a gateway. `left`: what could not be carried over, a line each."""

    name: str
    gateway: bool = False
    host: str = ""
    port: int = 500
    aggressive: bool = False
    method: str = "xauth_psk"
    mine: Identifier | None = None
    peers: Identifier | None = None
    certificate: tuple[str, str] | None = None
    ca: str = ""
    login: str = ""
    key: Secret | None = None
    password: Secret | None = None
    ike: list[Ike] = field(default_factory=list)
    ciphers: list[str] = field(default_factory=list)
    integrities: list[str] = field(default_factory=list)
    pfs_group: str = ""
    lifetime: int | None = None
    child_lifetime: int | None = None
    dpd_delay: int | None = None
    nat_traversal: str = "on"
    ipcomp: bool = False
    configuration: bool = True
    pool: tuple[str, int] | None = None
    dns: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def lose(self, what: str, why: str) -> None:
        self.left.append(f"{what}: {why}")


@frozen
class Imported:
    """`text` of racoon.conf, the lines of psk.txt (secret), and what is left to do."""

    text: str
    keys: tuple[tuple[str, Secret], ...]
    left: tuple[str, ...]


def imported(connections: list[Connection], source: str, left: Iterable[str] = ()) -> Imported:
    """Raises `ForeignError` where there is nothing to write."""
    if not connections:
        raise ForeignError("there is no connection in it that IKEv1 can carry")
    told = [*left]
    for each in connections:
        _one_group(each)
    blocks = [line for each in connections for line in _remote(each)]
    pools = [each for each in connections if each.gateway and each.pool]
    keys = dict(pair for each in reversed(connections) for pair in _keys(each))
    head = [f"# made by lotor import from {UNWRITABLE.sub('?', source)}"]
    head += ['path pre_shared_key "psk.txt";'] if keys else []
    lines = [*head, "", *blocks, *(_mode_cfg(pools[0]) if pools else []), *_sainfo(connections[0])]
    told += [f"{each.name}: {one}" for each in connections for one in each.left]
    told += [f"{each.name}: its pool: one file has one, that of {pools[0].name}" for each in pools[1:]]
    return Imported("\n".join(lines) + "\n", tuple(keys.items()), tuple(dict.fromkeys(map(clean, told))))


def _one_group(each: Connection) -> None:
    """The client sends its public value before anything is agreed."""
    if not each.aggressive or each.gateway or not each.ike:
        return
    first = each.ike[0].group
    if others := sorted({one.group for one in each.ike} - {first}):
        each.lose(f"dh_group {', '.join(others)}", f"aggressive mode offers one group, here {first}")
    each.ike = [one for one in each.ike if one.group == first]


def quoted(text: str) -> str:
    """Text in quotes, which have no escapes: whatever could end them is refused."""
    if UNWRITABLE.search(text):
        raise ForeignError(f"{UNWRITABLE.sub('?', text)[:60]!r} has a character that racoon.conf cannot hold")
    return f'"{text}"'


def addressed(host: str) -> bool:
    """Whether it is an address, which needs no quotes. Behind a `%` (RFC 4007 §11) anything could stand."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def network4(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


def few(names: Collection[str]) -> None:
    """Raises `ForeignError`."""
    if len(names) > MOST_CONNECTIONS:
        raise ForeignError(f"it has {len(names)} connections: {MOST_CONNECTIONS} at most can be imported at once")


def _remote(each: Connection) -> Iterator[str]:
    head = "anonymous" if each.gateway or not each.host else each.host if addressed(each.host) else quoted(each.host)
    port = f"[{each.port}]" if each.port != 500 and addressed(head) else ""
    yield f"remote {head}{port} {{"
    yield f"    exchange_mode {'aggressive' if each.aggressive else 'main'};"
    for name, identity in (("my_identifier", each.mine), ("peers_identifier", each.peers)):
        if identity:
            yield f"    {name} {' '.join((identity[0], *([quoted(identity[1])] if identity[1] else [])))};"
    if each.certificate:
        yield f"    certificate_type x509 {' '.join(map(quoted, each.certificate))};"
    if each.ca:
        yield f"    ca_type x509 {quoted(each.ca)};"
    yield from _behaviour(each)
    for one in each.ike:
        yield "    proposal {"
        yield f"        encryption_algorithm {one.cipher}; hash_algorithm {one.hashing}; dh_group {one.group};"
        yield f"        authentication_method {_method(each)};"
        yield "    }"
    yield "}"


def _method(each: Connection) -> str:
    side = "server" if each.gateway else "client"
    return f"{each.method}_{side}" if each.method.startswith(("hybrid", "xauth")) else each.method


def _behaviour(each: Connection) -> Iterator[str]:
    yield f"    nat_traversal {each.nat_traversal};"
    yield "    ike_frag on;"
    yield "    proposal_check obey;"
    if each.gateway:
        yield "    passive on;"
        yield "    generate_policy unique;"
    elif each.configuration:
        yield "    mode_cfg on;"
    if each.login and not each.gateway:
        yield f"    xauth_login {quoted(each.login)};"
    if each.dpd_delay is not None:
        yield f"    dpd_delay {min(each.dpd_delay, 86400)};"
    if each.lifetime:
        yield f"    lifetime time {each.lifetime} sec;"
    if each.aggressive and each.key is not None and len(each.key.reveal()) < LEAST_OCTETS:
        yield "    allow_short_key on;"


def _mode_cfg(each: Connection) -> Iterator[str]:
    first, size = each.pool or ("", 0)
    yield "mode_cfg {"
    yield f"    network4 {first};"
    yield f"    pool_size {size};"
    yield "    auth_source local;"
    for server in each.dns[:3]:
        yield f"    dns4 {server};"
    for network in each.split:
        yield f"    split_network include {network};"
    yield "}"


def _sainfo(each: Connection) -> Iterator[str]:
    yield "sainfo anonymous {"
    yield f"    encryption_algorithm {', '.join(each.ciphers or ['aes 256', 'aes 128'])};"
    if integrities := each.integrities or ([] if each.ciphers else ["hmac_sha256", "hmac_sha1"]):
        yield f"    authentication_algorithm {', '.join(integrities)};"
    yield "    compression_algorithm deflate;"
    if each.pfs_group:
        yield f"    pfs_group {each.pfs_group};"
    if each.child_lifetime:
        yield f"    lifetime time {each.child_lifetime} sec;"
    if each.ipcomp:
        yield "    ipcomp on;"
    yield "}"


def _keys(each: Connection) -> Iterator[tuple[str, Secret]]:
    """A client looks the key up by the gateway, a gateway by the client."""
    if each.key is not None and "rsa" not in each.method:
        name = (each.peers[1] if each.peers else "") or ("*" if each.gateway else each.host)
        yield name, each.key
    if each.password is not None and each.login and not each.gateway:
        yield each.login, each.password


def key_line(name: str, key: Secret) -> bytes:
    """A line of psk.txt. What it cannot hold as text is written in hexadecimal. Raises `ForeignError`."""
    octets = key.reveal()
    if not name or re.search(r"\s|^#|[\x00-\x1f\x7f]", name):
        raise ForeignError(f"{UNWRITABLE.sub('?', name)[:60]!r} cannot be the name of a key in psk.txt")
    plain = octets and not octets.startswith(b"0x") and not octets[:1].isspace() and not set(octets) & {10, 13, 0}
    return name.encode() + b"\t" + (octets if plain else b"0x" + octets.hex().encode()) + b"\n"
