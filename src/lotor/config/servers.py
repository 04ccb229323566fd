"""The settings of back ends on other hosts, part of `settings`: one class per block, one field per directive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from lotor.config.file_name import FileName
from lotor.config.problem import Places
from lotor.model.frozen import frozen
from lotor.model.secret import Secret


@frozen
class RadiusTls:
    """RADIUS over TLS (RFC 6614). `authority`: whose signature under the server's certificate counts, None: that of
    whom this host trusts. `certificate` and `key`: how this gateway proves itself, None: not at all. `name`: which one
    the server's certificate must have, empty: the host."""

    authority: FileName | None = None
    certificate: FileName | None = None
    key: FileName | None = None
    name: str = ""


@frozen
class RadiusServer:
    """`port` None: the usual one. `timeout` in seconds and `tries` None: those of the block; a line of /etc/radius.conf
    may have its own. `tls` None: UDP."""

    host: str
    port: int | None
    secret: Secret
    timeout: int | None = None
    tries: int | None = None
    tls: RadiusTls | None = None


@frozen
class DynamicClient:
    """A server that may ask for the end or the change of a session (RFC 5176), from this address alone."""

    address: IPv4Address | IPv6Address
    secret: Secret


@frozen
class DynamicPlace:
    """Where such servers are heard."""

    address: IPv4Address | IPv6Address
    port: int


@frozen
class Radius:
    """`auth` and `acct` empty: those of /etc/radius.conf, which `check` fills in where they are needed.
    `message_authenticator`: whether an answer without one is dropped. `nas_identifier` empty: the name of the host.
    `dynamic_clients` empty: nobody is heard. `dynamic_listen` empty: all addresses, at the usual port.
    `dynamic_authenticator`: whether a request without Message-Authenticator is dropped.
    `files` is what those of TLS hold, PEM; `check` fills it in, too."""

    auth: tuple[RadiusServer, ...]
    acct: tuple[RadiusServer, ...]
    timeout: int
    retries: int
    message_authenticator: bool = True
    nas_identifier: str = ""
    dynamic_clients: tuple[DynamicClient, ...] = ()
    dynamic_listen: tuple[DynamicPlace, ...] = ()
    dynamic_authenticator: bool = True
    files: Mapping[Path, Secret] = field(default_factory=dict)
    places: Places = Places()


@frozen
class LdapServer:
    """`secure`: TLS from the first octet on (ldaps)."""

    host: str
    port: int
    secure: bool = False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ldap{'s' * self.secure}://{host}:{self.port}"


@frozen
class Ldap:
    """`uri` empty: `host` and `port`. `timeout` in seconds. `authorities` is what `ca_file` holds, PEM; `check` fills
    it in where it is needed."""

    version: int | None
    debug: int
    timeout: int
    uri: tuple[LdapServer, ...]
    host: str
    port: int
    base: str | None
    subtree: bool
    bind_dn: str | None
    bind_pw: Secret | None
    attr_user: str
    attr_addr: str
    attr_mask: str
    attr_group: str
    attr_member: str
    tls: bool
    ca_file: FileName | None = None
    clear_text: bool = False
    authorities: str = ""
    places: Places = Places()

    @property
    def servers(self) -> tuple[LdapServer, ...]:
        """In the order in which they are asked."""
        return self.uri or (LdapServer(self.host, self.port),)


class DatabaseTls(Enum):
    """What is wanted of TLS, by PostgreSQL's words for `sslmode`."""

    OFF = "disable"
    UNPROVED = "require"
    AUTHORITY = "verify-ca"
    FULL = "verify-full"


@frozen
class FleetSettings:
    """The database of a fleet, made of its URL by `config.database`. A `host` that begins with a slash is the directory
    of a Unix socket. `authorities` is what `sslrootcert` holds, PEM, filled in where it is needed; empty: those of the
    host."""

    host: str
    port: int
    database: str
    user: str
    password: Secret | None
    tls: DatabaseTls
    sslrootcert: FileName | None = None
    authorities: str = ""

    @property
    def shown(self) -> str:
        """For people: without the password."""
        if self.host.startswith("/"):
            return f"postgresql://{self.user}@/{self.database}?host={self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{self.user}@{host}:{self.port}/{self.database}"
