"""NAT detection in IKE_SA_INIT and later, and the ports to which IKE moves for it (RFC 7296 §2.23)."""

from __future__ import annotations

from lotor.crypto import hashes
from lotor.ike.session import NO_SPI, Spis
from lotor.model.algorithms import Hash
from lotor.model.network import NAT_T_PORT, Path, Peer
from lotor.model.policy import Switch
from lotor.wire.header import Header
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification

SOURCE, DESTINATION = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP


def shown(spis: Spis, path: Path, switch: Switch) -> tuple[Notification, ...]:
    """What this end sees of a path; nothing where NAT traversal is off. With `force` its own address is hashed as
    zeros, so that the peer sees a NAT and ESP goes in UDP."""
    if switch is Switch.OFF:
        return ()
    local, remote = path.local, path.remote
    here = bytes(len(local.address.packed)) if switch is Switch.FORCE else local.address.packed
    source = _digest(spis.initiator + spis.responder, here, local.port)
    target = _digest(spis.initiator + spis.responder, remote.address.packed, remote.port)
    return Notification(SOURCE, source), Notification(DESTINATION, target)


def found(header: Header, chain: Chain, path: Path, switch: Switch) -> tuple[bool, bool]:
    """Whether a NAT stands before this end, and before the peer, by the message that came over `path`; both where this
    end forces it. A peer that says nothing knows no NAT traversal."""
    sources, targets = _data(chain, SOURCE), _data(chain, DESTINATION)
    if switch is Switch.OFF or not sources or not targets:
        return False, False
    if switch is Switch.FORCE:
        return True, True
    spis = header.initiator + header.responder
    local, remote = path.local, path.remote
    here = _digest(spis, local.address.packed, local.port) not in targets
    return here, _digest(spis, remote.address.packed, remote.port) not in sources


def speaks(chain: Chain) -> bool:
    """Whether the peer detects NATs."""
    return bool(_data(chain, SOURCE))


def _data(chain: Chain, kind: int) -> frozenset[bytes]:
    """Several of one kind are allowed: an end may have several addresses."""
    return frozenset(each.data for each in chain.all(Notification) if each.type == kind)


def _digest(spis: bytes, address: bytes, port: int) -> bytes:
    return hashes.digest(Hash.SHA1, spis, address, port.to_bytes(2, "big"))


def in_request(spis: Spis) -> Spis:
    """In IKE_SA_INIT's request the responder's SPI is not known."""
    return Spis(spis.initiator, NO_SPI)


def floated(path: Path) -> Path:
    """The path on the ports of NAT traversal."""
    if path.floated:
        return path
    return Path(Peer(path.local.address, NAT_T_PORT), Peer(path.remote.address, NAT_T_PORT), floated=True)
