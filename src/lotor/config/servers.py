"""The settings of back ends on other hosts, part of `settings`: one class per block, one field per directive."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.config.problem import Places
from lotor.model.secret import Secret


@dataclass(frozen=True, slots=True)
class RadiusServer:
    """`port` None: the usual one. `timeout` in seconds and `tries` None: those of the block; a line of /etc/radius.conf
    may have its own."""

    host: str
    port: int | None
    secret: Secret
    timeout: int | None = None
    tries: int | None = None


@dataclass(frozen=True, slots=True)
class Radius:
    """`auth` and `acct` empty: those of /etc/radius.conf, which `check` fills in where they are needed.
    `message_authenticator`: whether an answer without one is dropped. `nas_identifier` empty: the name of the host."""

    auth: tuple[RadiusServer, ...]
    acct: tuple[RadiusServer, ...]
    timeout: int
    retries: int
    message_authenticator: bool = True
    nas_identifier: str = ""
    places: Places = Places()


@dataclass(frozen=True, slots=True)
class Ldap:
    version: int
    debug: int
    timeout: int | None
    uri: str | None
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
    places: Places = Places()
