"""Two endpoints that speak IKEv2, and an SA between them whose peers count as proved, for tests of what every exchange
runs on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from lotor.ike.effects import Transmit
from lotor.ike.proved import ProvedPeer
from lotor.ike.v2 import exchanges, seal, sequence
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import request
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.identity import Identity, IdKind
from lotor.model.network import Path, Peer
from lotor.model.policy import V2Policy
from lotor.wire.header import Header
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag
from peers.world import CLIENT, GATEWAY, Host, World, connect, pair

GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256)
TERMS = V2Policy((GCM, CBC))
SOMEBODY = Identity(IdKind.FQDN, b"somebody.example.org")


def two(gateway: V2Policy = TERMS, client: V2Policy = TERMS, remote=GATEWAY, **network) -> tuple[World, Host, Host]:
    """World, gateway and client; the client calls by IKEv2."""
    return pair(
        gateway=replace(remote, versions=(1, 2), v2=gateway),
        client=replace(CLIENT, versions=(2, 1), v2=client, dpd=remote.dpd),
        **network,
    )


def sessions(host: Host) -> list[V2Session]:
    return list(host.endpoint._sessions.by_id.values())


def keyed(host: Host) -> bool:
    return any(each.sa is not None for each in sessions(host))


def both_keyed(world: World, client: Host, gateway: Host, seconds: float = 20) -> tuple[V2Session, V2Session]:
    connect(world, client, gateway)
    assert world.run(seconds, lambda: keyed(client) and keyed(gateway))
    return sessions(client)[0], sessions(gateway)[0]


def stand(world: World, *hosts: Host) -> None:
    """As if IKE_AUTH had proved both peers, and nothing of it were under way."""
    for host in hosts:
        (session,) = sessions(host)
        session.exchanges.cancel()
        session.proved = ProvedPeer(SOMEBODY, login=False, person=True, probed=True, translated=True)
        session.user = "somebody"
        session.gates.shut.clear()
        session.unlimit()
        sequence.stand(session, world.now)
        world.do(host, host.endpoint.tick(world.now))


def up(world: World, client: Host, gateway: Host) -> tuple[V2Session, V2Session]:
    """The sessions of both ends, proved. What was on its way is lost."""
    found = both_keyed(world, client, gateway)
    stand(world, client, gateway)
    world._queue.clear()
    found[0].exchanges.ours.following = found[1].exchanges.peers.expected
    return found


def ask(world: World, host: Host, *payloads, kind: ExchangeType = ExchangeType.INFORMATIONAL) -> list:
    """Begins a request of the host's only session. The list gets the response, or the refusal."""
    (session,) = sessions(host)
    heard: list = []

    def story():
        return (yield from request(kind, *payloads))

    add = lambda _, result, __: heard.append(result)  # noqa: E731 - one line reads better
    exchanges.begin(session, story(), add, add, world.now)
    world.do(host, host.endpoint.tick(world.now))
    return heard


def sent_by(world: World, host: Host) -> list[bytes]:
    return [data for _, source, _, data in world.wire if source.address == host.address]


def sealed(session: V2Session, *payloads, **header) -> bytes:
    """A message that this session's end would send: a request, unless `flags` says otherwise."""
    role = Flag.INITIATOR if session.initiator else 0
    fields = {"exchange": ExchangeType.INFORMATIONAL, "flags": role, "message_id": 0} | header
    spis = (session.spis.initiator, session.spis.responder)
    head = Header(*spis, 0, fields["exchange"], fields["flags"], fields["message_id"], version=VERSION)
    return seal.sealed(session.protections.own, head, payloads, None)[0]


def deliver(world: World, host: Host, data: bytes, path: Path | None = None) -> list[bytes]:
    """What the host sends at once for a datagram."""
    (session,) = sessions(host) or (None,)
    effects = host.endpoint.receive(data, path or session.path, world.now)
    world.do(host, effects)
    return [effect.data for effect in effects if isinstance(effect, Transmit)]


def from_elsewhere(path: Path) -> Path:
    return path.to(Peer(IPv4Address("203.0.113.77"), 7777))
