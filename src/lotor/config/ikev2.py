"""What a `remote` block means for IKEv2: the versions that it speaks, and how its ends prove themselves."""

from __future__ import annotations

from collections.abc import Iterable

from lotor.config.settings import AuthSource, RemoteSettings
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.policy import Side

PREFERRED = (Proving.EAP, Proving.CERTIFICATE, Proving.SHARED_KEY)
_USUAL = {
    AuthSource.LOCAL: (EapMethod.MSCHAPV2, EapMethod.GTC),
    AuthSource.RADIUS: (EapMethod.RADIUS,),
}


def speaks_1(remote: RemoteSettings) -> bool:
    return 1 in remote.ike_version


def speaks_2(remote: RemoteSettings) -> bool:
    return 2 in remote.ike_version


def proofs_of(remote: RemoteSettings) -> set[Proving | None]:
    """How clients prove themselves by what the `proposal` blocks name; None: twice, for which IKEv2 has nothing."""
    named = (proposal.authentication_method.value for proposal in remote.proposals)
    return {each.method.client_proves for each in named if each}


def side_said(remote: RemoteSettings) -> Side | None:
    """The side that the words of IKEv2 tell: only clients log in, and only they ask for a configuration."""
    if not speaks_2(remote):
        return None
    if remote.my_auth is not None and remote.my_auth.login:
        return Side.CLIENT
    if any(each.login for each in remote.peers_auth):
        return Side.GATEWAY
    return Side.CLIENT if remote.mode_cfg and not speaks_1(remote) else None


def own_proof(remote: RemoteSettings, side: Side) -> Proving:
    """How this end proves itself over IKEv2."""
    if remote.my_auth is not None:
        return remote.my_auth
    said = proofs_of(remote)
    if side is Side.GATEWAY:
        keyed = remote.certificate is None and (set(remote.peers_auth) or said) == {Proving.SHARED_KEY}
        return Proving.SHARED_KEY if keyed else Proving.CERTIFICATE
    if remote.eap or remote.xauth_login:
        return Proving.EAP
    usual = Proving.EAP if remote.certificate is None else Proving.CERTIFICATE
    return next((each for each in PREFERRED if each in said), usual)


def peer_proofs(remote: RemoteSettings, side: Side) -> tuple[Proving, ...]:
    """How the peer may prove itself over IKEv2."""
    if remote.peers_auth:
        return tuple(dict.fromkeys(remote.peers_auth))
    if side is Side.CLIENT:
        return (Proving.SHARED_KEY if own_proof(remote, side) is Proving.SHARED_KEY else Proving.CERTIFICATE,)
    found = proofs_of(remote) - {None}
    if remote.eap or not found:
        found.add(Proving.EAP)
    return tuple(each for each in PREFERRED if each in found)


def eap_methods(remote: RemoteSettings, side: Side, source: AuthSource | None) -> tuple[EapMethod, ...]:
    """The methods of EAP, none where nobody logs in. `source`: who judges logins, at a gateway."""
    if side is Side.CLIENT:
        agreed = tuple(dict.fromkeys(remote.eap)) or (EapMethod.MSCHAPV2, EapMethod.GTC)
        return agreed if own_proof(remote, side).login else ()
    if not any(each.login for each in peer_proofs(remote, side)):
        return ()
    return tuple(dict.fromkeys(remote.eap)) or _USUAL.get(source or AuthSource.LOCAL, (EapMethod.GTC,))


def unclear(remote: RemoteSettings, side: Side) -> bool:
    """Whether the block names a method of IKEv1 that IKEv2 has not, and does not say what counts there."""
    said = remote.my_auth is not None or remote.eap if side is Side.CLIENT else remote.peers_auth or remote.eap
    return speaks_2(remote) and not said and None in proofs_of(remote)


def proved(remote: RemoteSettings, side: Side) -> Iterable[Proving]:
    """All that is proved first over IKEv2, by either end; nothing where the block does not speak it."""
    ways = (own_proof(remote, side), *peer_proofs(remote, side)) if speaks_2(remote) else ()
    return tuple(each.first for each in ways)
