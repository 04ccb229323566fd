"""Checks that an ID payload has the identity of this end: the warden signs no other."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

from lotor.model.identity import ADDRESS_SIZES, Identity
from lotor.model.network import ISAKMP_PORT, Address
from lotor.ports.signer import ID_HEAD

UDP = 17
ADDRESS_HEADS = {bytes([kind, UDP]) + ISAKMP_PORT.to_bytes(2, "big"): size for kind, size in ADDRESS_SIZES.items()}
"""An ID payload of an address begins with these octets (RFC 2407 §4.6.2), and so many are its name."""


class OwnIdentities:
    """`configured` gives the identity of a `remote` block, as the core's policy has it; None for the address of the
    path, which may be any of this host's. `certified`: those that its certificate vouches for."""

    def __init__(
        self,
        configured: Callable[[str], Identity | None],
        is_local: Callable[[Address], bool] | None = None,
        certified: Callable[[str], tuple[Identity, ...]] = lambda _: (),
    ) -> None:
        self._configured = configured
        self._is_local = is_local or has_address
        self._certified = certified

    def __call__(self, remote: str, id_b: bytes) -> bool:
        """`id_b`: an ID payload behind its header."""
        identity = self._configured(remote)
        return id_b == _body(identity) if identity is not None else self._is_address(id_b)

    def in_auth(self, remote: str, id_b: bytes) -> bool:
        """The same of IKEv2, whose ID payloads have neither protocol nor port, and where a client may ask for any of
        the names that the certificate vouches for (RFC 7296 §3.5)."""
        if id_b[1:ID_HEAD] != bytes(3):
            return False
        shown = Identity(id_b[0], id_b[ID_HEAD:])
        identity = self._configured(remote)
        if identity is not None and (shown.kind, shown.data) == (identity.kind, identity.data):
            return True
        if shown in self._certified(remote):
            return True
        return identity is None and shown.address is not None and self._is_local(shown.address)

    def _is_address(self, id_b: bytes) -> bool:
        head, name = id_b[:ID_HEAD], id_b[ID_HEAD:]
        return ADDRESS_HEADS.get(head) == len(name) and self._is_local(ip_address(name))


def _body(identity: Identity) -> bytes:
    return bytes([identity.kind, identity.protocol]) + identity.port.to_bytes(2, "big") + identity.data


def has_address(address: Address) -> bool:
    """Whether this host has an address now: packets to the address would leave from the address itself. A link-local
    address, which means nothing without its link, counts as its own. Nothing is sent."""
    if address.version == 6 and address.is_link_local:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), ISAKMP_PORT))
            return bool(ip_address(probe.getsockname()[0]) == address)
    except OSError:
        return False
