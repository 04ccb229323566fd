"""What a `remote` block means for this end: its side, whether it signs, whether a key is shared, whether it closes the
host."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.config import ikev2
from lotor.config.settings import Accounting, Algorithm, Authentication, AuthSource, RemoteSettings, Settings
from lotor.model.algorithms import ON_TLS, EapMethod, KeyKind, Proving
from lotor.model.configuration import ModeConfiguration
from lotor.model.policy import ExchangeMode, GeneratePolicy, Side


def side_of(remote: RemoteSettings) -> Side | None:
    """Gateway or client, as the methods say. For methods that are the same on both ends, the end that can begin is the
    client, but for what IKEv2 says. None when there are methods of both sides."""
    sides = {method.side for method in _methods(remote) if method.side}
    if sides:
        return sides.pop() if len(sides) == 1 else None
    if said := ikev2.side_said(remote):
        return said
    waits = remote.address is None or remote.passive or remote.generate_policy is not GeneratePolicy.OFF
    return Side.GATEWAY if waits else Side.CLIENT


def follows_redirects(remote: RemoteSettings) -> bool:
    """Whether a client of this block goes where its gateway sends it (RFC 5685), which IKEv2 alone can."""
    return remote.follow_redirects and ikev2.speaks_2(remote) and side_of(remote) is Side.CLIENT


def is_gateway(settings: Settings) -> bool:
    return any(side_of(remote) is Side.GATEWAY for remote in settings.remotes)


def asks_pam(settings: Settings) -> bool:
    """Whether logins or sessions of clients go by PAM."""
    given = settings.mode_cfg
    pam = given is not None and (given.auth_source is AuthSource.PAM or given.accounting is Accounting.PAM)
    return pam and is_gateway(settings)


def has_scripts(settings: Settings) -> bool:
    """Whether the administrator wants scripts to be run."""
    return any(remote.scripts for remote in settings.remotes)


def closes(remote: RemoteSettings, configuration: ModeConfiguration | None) -> bool:
    """Client: whether the host is closed while a tunnel with that configuration is down. A block that says nothing
    closes it for a full tunnel."""
    if remote.kill_switch is not None or configuration is None:
        return bool(remote.kill_switch)
    return configuration.is_full or configuration.is_full6


def signs(remote: RemoteSettings) -> bool:
    """Whether this end proves itself by a certificate, with at least one method of the block."""
    side = side_of(remote)
    second = side is not None and ikev2.speaks_2(remote) and ikev2.own_proof(remote, side).first is Proving.CERTIFICATE
    return second or _signs(remote, Side.CLIENT)


def judges(remote: RemoteSettings) -> bool:
    """Whether the peer proves itself by a certificate."""
    return _may(remote, Proving.CERTIFICATE) or _signs(remote, Side.GATEWAY) or EapMethod.TLS in _in_eap(remote)


def signs_in_eap(remote: RemoteSettings) -> bool:
    """Whether this end proves itself by its certificate in TLS inside of EAP: a gateway with each method on TLS, a
    client with EAP-TLS."""
    return bool(_in_eap(remote) & (ON_TLS if side_of(remote) is Side.GATEWAY else {EapMethod.TLS}))


def _in_eap(remote: RemoteSettings) -> frozenset[EapMethod]:
    """The methods that are written down; none of those that follow from the source of logins is on TLS."""
    side = side_of(remote)
    return frozenset(ikev2.eap_methods(remote, side, None)) if side and ikev2.speaks_2(remote) else frozenset()


def _may(remote: RemoteSettings, proving: Proving) -> bool:
    """Whether the peer may prove itself so over IKEv2."""
    side = side_of(remote)
    ways = ikev2.peer_proofs(remote, side) if side is not None and ikev2.speaks_2(remote) else ()
    return any(way.first is proving or (proving is Proving.EAP and way.login) for way in ways)


def _signs(remote: RemoteSettings, initiates: Side) -> bool:
    """Whether one party signs. `initiates`: the side of this end if that party is the initiator. For a block of both
    sides: whether a method has both parties sign."""
    side = side_of(remote)
    roles = (True, False) if side is None else (side is initiates,)
    return any(all(each.method.signs(initiator=role) for role in roles) for each in _methods(remote))


def uses_ecdsa(remote: RemoteSettings) -> bool:
    """Whether the certificates of both ends have keys for ECDSA. The methods of one block have one kind of key."""
    return any(method.method.certificate_key is KeyKind.ECDSA for method in _methods(remote))


def key_by_ecdsa(remote: RemoteSettings) -> bool | None:
    """Whether the keys of certificates are of ECDSA, or of RSA; None where any will do, as in IKEv2."""
    return uses_ecdsa(remote) if ikev2.speaks_1(remote) else None


def admits_by_login(remote: RemoteSettings) -> bool:
    """Whether this is a gateway whose clients log in, and so get an address from it."""
    logs_in = any(method.method.login for method in _methods(remote))
    return side_of(remote) is Side.GATEWAY and (logs_in or _may(remote, Proving.EAP))


def admits_by_login_alone(remote: RemoteSettings) -> bool:
    """Whether nobody comes to this gateway without a login."""
    if side_of(remote) is not Side.GATEWAY or not all(method.method.login for method in _methods(remote)):
        return False
    return not ikev2.speaks_2(remote) or all(way.login for way in ikev2.peer_proofs(remote, Side.GATEWAY))


def key_methods(remote: RemoteSettings) -> Iterator[Algorithm[Authentication]]:
    """The methods of IKEv1 that need a pre-shared key, where they stand."""
    for proposal in remote.proposals if ikev2.speaks_1(remote) else ():
        method = proposal.authentication_method
        if method.value and method.value.method.pre_shared_key:
            yield method


def shares_key(remote: RemoteSettings) -> bool:
    """Whether the block needs a pre-shared key, with any version of IKE."""
    side = side_of(remote)
    return any(key_methods(remote)) or (side is not None and Proving.SHARED_KEY in ikev2.proved(remote, side))


def begins_aggressive(remote: RemoteSettings) -> bool:
    """Whether this end begins connections, and in aggressive mode."""
    first = next((mode for mode in remote.exchange_mode if mode), None)
    aggressive = first is ExchangeMode.AGGRESSIVE and ikev2.speaks_1(remote)
    return side_of(remote) is Side.CLIENT and aggressive


def _methods(remote: RemoteSettings) -> list[Authentication]:
    """Of IKEv1."""
    if not ikev2.speaks_1(remote):
        return []
    named = (proposal.authentication_method.value for proposal in remote.proposals)
    return [method for method in named if method]
