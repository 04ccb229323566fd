"""What is wrong, or unwise, with what a `remote` block says of IKEv2."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from lotor.config import ikev2
from lotor.config.ambiguity import undecided_2
from lotor.config.methods import side_of
from lotor.config.problem import Problem
from lotor.config.settings import Algorithm, Authentication, AuthSource, RemoteSettings, Settings
from lotor.config.tables.remote import OF_IKEV2
from lotor.model.algorithms import ON_TLS, PROVES_BOTH, EapMethod, Proving
from lotor.model.policy import Ppk, Side

UNCLEAR = {
    Side.GATEWAY: (
        "with {} a client proves itself twice, which few clients of IKEv2 can: add peers_auth eap; (clients log in), "
        "peers_auth pubkey; (clients have certificates), peers_auth pubkey then eap; (both), or ike_version 1;"
    ),
    Side.CLIENT: (
        "with {} a client proves itself twice, which few gateways of IKEv2 want: add my_auth eap; (a login), "
        "my_auth pubkey; (a certificate) or my_auth pubkey then eap; (both), as the gateway wants it, or ike_version 1;"
    ),
}


def problems(remote: RemoteSettings, settings: Settings) -> Iterator[Problem]:
    """Of one block, whose files are judged elsewhere."""
    side = side_of(remote)
    if side is None or not ikev2.speaks_2(remote):
        return
    if ikev2.unclear(remote, side) and (method := _twice(remote)) is not None:
        yield Problem.at(method.at, UNCLEAR[side].format(method.name))
        return
    yield from _one_sided(remote, side)
    yield from _unproved(remote, side)
    yield from _keyless(remote, side, settings)
    yield from _unseen(remote, side)
    yield from _eap_alone(remote, side)
    if remote.ppk is not Ppk.OFF and settings.paths.ppk is None:
        text = 'a PPK needs the file of them: add path ppk "FILE"; outside of all braces'
        yield Problem.at(remote.places.of("ppk"), text)
    if side is Side.CLIENT:
        yield from _relayed(remote)
    elif settings.mode_cfg is not None:
        yield from _unjudged(remote, settings.mode_cfg.auth_source)
    if all(each.refused for each in remote.ike2_proposals) and remote.ike2_proposals:
        yield Problem.at(remote.places.of("ike2_proposals"), "no ike2_proposal can be used: add ike2_proposal default;")


def _twice(remote: RemoteSettings) -> Algorithm[Authentication] | None:
    """The first method of IKEv1 by which a client proves itself twice."""
    methods = (each.authentication_method for each in remote.proposals)
    return next((each for each in methods if each.value and each.value.method.client_proves is None), None)


def _one_sided(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """Only clients log in."""
    if side is Side.GATEWAY and remote.my_auth is not None and remote.my_auth.login:
        text = "a gateway proves itself by pubkey or psk: clients log in, which peers_auth eap; says"
        yield Problem.at(remote.places.of("my_auth"), text)
    if side is Side.CLIENT and any(each.login for each in remote.peers_auth):
        text = "a gateway does not log in: how this client proves itself is said by my_auth eap;"
        yield Problem.at(remote.places.of("peers_auth"), text)


def _unproved(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """Who logs in has to know to whom."""
    own, peers = ikev2.own_proof(remote, side), ikev2.peer_proofs(remote, side)
    clients, gateways = (peers, (own,)) if side is Side.GATEWAY else ((own,), peers)
    if any(each.login for each in clients) and Proving.SHARED_KEY in gateways:
        text = "a login needs a gateway that proves itself by a certificate: with a key that all share, everybody who "
        name = "my_auth" if side is Side.GATEWAY else "peers_auth"
        yield Problem.at(remote.places.of(name), f"{text}knows it can pose as the gateway; write {name} pubkey;")


def _eap_alone(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """Nothing but the method proves the gateway then."""
    methods = ikev2.eap_methods(remote, side, None)
    others = [each.value for each in methods if each not in PROVES_BOTH]
    if remote.eap_only and (others or not methods):
        named = f"{', '.join(others)} does not" if others else "nobody logs in here"
        text = f"eap_only needs methods that prove the gateway, too: write eap tls; or eap ttls; ({named})"
        yield Problem.at(remote.places.of("eap_only"), text)


def _keyless(remote: RemoteSettings, side: Side, settings: Settings) -> Iterator[Problem]:
    if Proving.SHARED_KEY in ikev2.proved(remote, side) and settings.paths.pre_shared_key is None:
        text = 'psk needs the file of keys: add path pre_shared_key "FILE"; outside of all braces'
        name = "my_auth" if remote.my_auth and remote.my_auth.first is Proving.SHARED_KEY else "peers_auth"
        yield Problem.at(remote.places.of(name), text)


def _unseen(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """Whoever logs in by a certificate must have one of an authority."""
    if side is Side.GATEWAY and EapMethod.TLS in ikev2.eap_methods(remote, side, None) and not remote.verify_cert:
        text = "eap tls lets in whoever has a certificate, so somebody must look at it: write verify_cert on;"
        yield Problem.at(remote.places.of("verify_cert"), text)


def _relayed(remote: RemoteSettings) -> Iterator[Problem]:
    if EapMethod.RADIUS in remote.eap:
        text = "only a gateway lets RADIUS servers speak with its clients: a client names methods, like eap mschapv2;"
        yield Problem.at(remote.places.of("eap"), text)


def _unjudged(remote: RemoteSettings, source: AuthSource) -> Iterator[Problem]:
    """Methods that need another judge of logins."""
    hashed = next((each for each in remote.eap if each in {EapMethod.MSCHAPV2, EapMethod.PEAP}), None)
    if hashed is not None and source is not AuthSource.LOCAL:
        instead = "eap radius" if source is AuthSource.RADIUS else "eap ttls, gtc"
        text = (
            f"{hashed.value} proves a password by its NT hash, which auth_source {source.value} does not give away: "
            f"write {instead}; or auth_source local;"
        )
        yield Problem.at(remote.places.of("eap"), text)
    if EapMethod.RADIUS in remote.eap and source is not AuthSource.RADIUS:
        text = f"no server speaks with the clients: auth_source is {source.value}; write auth_source radius;"
        yield Problem.at(remote.places.of("eap"), text)
    if EapMethod.RADIUS in remote.eap and len(set(remote.eap)) > 1:
        text = "the RADIUS server chooses the method: write eap radius; alone"
        yield Problem.at(remote.places.of("eap"), text)


def ambiguous(remotes: tuple[RemoteSettings, ...]) -> Iterator[Problem]:
    """Pairs of a gateway's blocks that could both answer the same client of IKEv2."""
    waiting = [each for each in remotes if side_of(each) is Side.GATEWAY and ikev2.speaks_2(each)]
    for one, other in combinations(waiting, 2):
        if undecided_2(one, other):
            text = (
                f"no client of IKEv2 can tell this block from remote {one.name}, at {one.places.head}: give each "
                "another peers_auth, certificate_type or my_identifier, or its own peers_identifier with "
                "verify_identifier on, or write ike_version 1; into one of them"
            )
            yield Problem.at(other.places.head, text)


def advice(remote: RemoteSettings) -> Iterator[Problem]:
    """What has no effect, and where IKEv2 asks for less than IKEv1."""
    side = side_of(remote)
    if not ikev2.speaks_2(remote):
        for name in sorted(OF_IKEV2 & remote.places.fields.keys() - {"ike_version"}):
            text = "this has no effect with ike_version 1: write ike_version both; to let clients of IKEv2 in"
            yield Problem.at(remote.places.of(name), text)
    elif side is not None:
        yield from _idle(remote, side)
        yield from _unused(remote, side)
        yield from _unsent(remote, side)
        yield from _less(remote, side)


def _idle(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    if remote.eap and not ikev2.eap_methods(remote, side, None):
        yield Problem.at(remote.places.of("eap"), "eap has no effect: nobody logs in, as my_auth and peers_auth say it")


def _unused(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """What says of TLS inside of EAP what nobody obeys."""
    methods = frozenset(ikev2.eap_methods(remote, side, None)) if side is Side.CLIENT else frozenset()
    for name, needs in (("eap_server", ON_TLS), ("ttls_inside", {EapMethod.TTLS})):
        if name in remote.places.fields and not methods & needs:
            words = ", ".join(sorted(each.value for each in needs))
            text = f"{name} has no effect: it is for clients with {words} among the methods of eap"
            yield Problem.at(remote.places.of(name), text)


def _unsent(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    """What says of redirects what nobody obeys."""
    if side is Side.CLIENT:
        for name in ("redirect_to", "redirect", "redirect_proved"):
            if name in remote.places.fields:
                text = f"{name} has no effect: only a gateway sends clients elsewhere"
                yield Problem.at(remote.places.of(name), text)
        return
    if "follow_redirects" in remote.places.fields:
        yield Problem.at(remote.places.of("follow_redirects"), "follow_redirects has no effect: only clients are sent")
    for name in ("redirect", "redirect_proved"):
        if name in remote.places.fields and not remote.redirect_to:
            text = f'{name} has no effect: add redirect_to "GATEWAY"; the gateways to which clients are sent'
            yield Problem.at(remote.places.of(name), text)


def ticketless(remote: RemoteSettings, settings: Settings) -> Iterator[Problem]:
    """Of a block that asks for tickets, and gives none."""
    side, mode_cfg = side_of(remote), settings.mode_cfg
    if side is not Side.GATEWAY or not remote.resumption or mode_cfg is None or not ikev2.speaks_2(remote):
        return
    place = remote.places.of("resumption")
    if Proving.EAP not in ikev2.peer_proofs(remote, side):
        yield Problem.at(place, "resumption has no effect: nobody logs in by EAP alone, as a ticket wants it")
    elif mode_cfg.auth_source not in {AuthSource.LOCAL, AuthSource.SYSTEM}:
        text = f"resumption has no effect: auth_source {mode_cfg.auth_source.value} knows no user without a password"
        yield Problem.at(place, f"{text}; tickets are given with auth_source local and system")


def _less(remote: RemoteSettings, side: Side) -> Iterator[Problem]:
    method = _twice(remote)
    if method is not None and side is Side.GATEWAY and Proving.EAP in ikev2.peer_proofs(remote, side):
        text = f"over IKEv2 clients need the login alone, and nothing else of what {method.name} asks for"
        yield Problem.at(method.at, text)
