"""What a `remote` block says of IKEv2, as the policy of the core: the proposals that stand for no line among it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from lotor.config import ikev2
from lotor.config.settings import AuthSource, Proposal, RemoteSettings
from lotor.config.tables.ikev2 import INTEGRITY_OF
from lotor.model.algorithms import AEADS, Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.identity import Identity
from lotor.model.policy import Side, Switch, V2Policy
from lotor.model.redirection import Occasion, Redirection
from lotor.model.weakness import WEAK

GATEWAYS, CLIENTS = 86400, 28800
"""Seconds after which keys of an IKE SA are renewed. Clients of Windows and Android do it after 2 to 8 hours, and some
refuse a gateway that does it first."""
CLIENTS_KEEP = 86400
"""Seconds for which a client keeps a ticket, if its gateway takes it for so long."""
_STRONG = ((Cipher.AES_GCM_16, 256), (Cipher.AES_GCM_16, 128), (Cipher.CHACHA20_POLY1305, 0), (Cipher.AES_CBC, 256))
_HASHES = (Hash.SHA256, Hash.SHA384, Hash.SHA512)
_GROUPS = (
    Group.CURVE25519,
    Group.ECP256,
    Group.ECP384,
    Group.ECP521,
    Group.MODP2048,
    Group.MODP3072,
    Group.MODP4096,
)


def _suites(
    ciphers: tuple[tuple[Cipher, int], ...], hashes: tuple[Hash, ...], groups: tuple[Group, ...]
) -> tuple[Ike2Suite, ...]:
    """All of them with each other; the HMAC of the PRF's hash beside a cipher that does not authenticate by itself."""
    return tuple(
        Ike2Suite(cipher, bits, _integrity(cipher, prf), prf, group)
        for (cipher, bits), prf, group in product(ciphers, hashes, groups)
    )


def _integrity(cipher: Cipher, prf: Hash) -> Integrity | None:
    return None if cipher in AEADS else INTEGRITY_OF[prf]


ACCEPTED = _suites((*_STRONG, (Cipher.AES_CBC, 128)), _HASHES, _GROUPS)
"""A gateway's: something for Windows with hardened settings, Apple and Android, whatever their profiles name."""
OFFERED = _suites((_STRONG[0], _STRONG[3]), _HASHES[:2], (Group.CURVE25519, Group.ECP256, Group.ECP384, Group.MODP2048))
"""A client's: few, so that its first message fits into one datagram."""


def v2_policy(
    remote: RemoteSettings, side: Side, source: AuthSource | None, identity: Identity | None = None
) -> V2Policy | None:
    """None where the block does not speak IKEv2. `source`: who judges logins, at a gateway."""
    if not ikev2.speaks_2(remote):
        return None
    return V2Policy(
        proposals=tuple(dict.fromkeys(_proposals(remote, side))),
        local=ikev2.own_proof(remote, side),
        peer=ikev2.peer_proofs(remote, side),
        eap=ikev2.eap_methods(remote, side, source),
        lifetime=remote.ike2_lifetime or (GATEWAYS if side is Side.GATEWAY else CLIENTS),
        mobike=remote.mobike,
        fragments=remote.ike_frag is not Switch.OFF,
        ask_identity=remote.eap_identity,
        esn=remote.esn,
        identity=identity,
        ppk=remote.ppk,
        eap_only=remote.eap_only,
        childless=remote.childless,
        redirect=_redirection(remote, side),
        within=remote.ttls_inside,
        follows=remote.follow_redirects and side is Side.CLIENT,
        resumption=_resumption(remote, side),
    )


def _resumption(remote: RemoteSettings, side: Side) -> int:
    """Seconds; 0: no tickets."""
    if remote.resumption is None:
        return CLIENTS_KEEP if side is Side.CLIENT else 0
    return remote.resumption


def _redirection(remote: RemoteSettings, side: Side) -> Redirection | None:
    """None: this gateway sends nobody elsewhere by itself."""
    if side is Side.CLIENT or not remote.redirect_to:
        return None
    when = frozenset(remote.redirect) or frozenset({Occasion.DRAINING, Occasion.FULL})
    return Redirection(tuple(dict.fromkeys(remote.redirect_to)), when, remote.redirect_proved)


def _proposals(remote: RemoteSettings, side: Side) -> Iterator[Ike2Suite]:
    usual = ACCEPTED if side is Side.GATEWAY else OFFERED
    if not remote.ike2_proposals:
        yield from usual
        yield from _of_ikev1(remote.proposals)
    for each in remote.ike2_proposals:
        if each.suite is not None:
            yield each.suite
        elif not each.refused:
            yield from usual


def _of_ikev1(proposals: tuple[Proposal, ...]) -> Iterator[Ike2Suite]:
    """What IKEv2 has, too. What is weak is named for IKEv2 or not there."""
    for each in proposals:
        cipher, prf, group = each.encryption_algorithm, each.hash_algorithm.value, each.dh_group.value
        if cipher.value is not Cipher.AES_CBC or prf is None or group is None or {prf, group} & WEAK.keys():
            continue
        yield Ike2Suite(cipher.value, cipher.key_bits, INTEGRITY_OF[prf], prf, group)
