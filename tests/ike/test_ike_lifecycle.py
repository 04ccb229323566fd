"""A session after its login: rekeys, probes, moves, pushes and ends, on both sides."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.endpoint import Endpoint
from lotor.ike.events import ChildDown, ChildUp, Configured, Dead, Ended, PathChanged, PhaseOneUp
from lotor.ike.intents import ChildExpired, Disconnect, PeerMoved, Reload, Shutdown
from lotor.ike.questions import AcquireConfiguration, AdmitConfiguration, Install, LastInbound
from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Integrity
from lotor.model.child import Encapsulation
from lotor.model.judgement import Failure
from lotor.model.network import Peer
from lotor.model.policy import Dpd, ExchangeMode, Policy, ProposalCheck, Switch
from lotor.model.reason import Cause
from lotor.model.reasons import ends
from lotor.model.reasons.ends import ClosedHere
from lotor.model.reasons.local import EngineFault, HostUnfit
from lotor.wire.v1.numbers import ExchangeType, PayloadType
from peers.world import CHILD, CLIENT, CONFIGURATION, GATEWAY, NEVER, OPEN_DOOR, SeededRandomness, connect, is_up, pair

BYE = ClosedHere()


def _up(**changes):
    world, gateway, client = pair(**changes)
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]
    world.run(1)
    return world, gateway, client


def test_a_client_that_disconnects_leaves_nothing_on_the_gateway():
    world, gateway, client = _up()
    session = client.of(PhaseOneUp)[0].session
    world.do(client, client.endpoint.command(Disconnect(session, BYE), world.now))
    assert world.run(2, lambda: bool(gateway.of(Ended)))
    assert gateway.of(Ended)[0].reason.cause is Cause.PEER_CLOSED
    assert not gateway.installed
    assert not client.installed
    assert len(gateway.pool) == 253
    world.run(100)
    assert client.endpoint.deadline() is None
    assert gateway.endpoint.deadline() is None


def test_a_gateway_that_stops_tells_its_clients():
    world, gateway, client = _up()
    world.do(gateway, gateway.endpoint.command(Shutdown(BYE), world.now))
    assert world.run(2, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.text == "the gateway ended the session"


def test_the_initiator_rekeys_and_deletes_the_old_pair_later():
    world, gateway, client = _up()
    old = client.of(ChildUp)[0].child
    world.do(client, client.endpoint.command(ChildExpired(old.id, hard=False), world.now))
    assert world.run(5, lambda: len(gateway.of(ChildUp)) == 2)
    new = client.of(ChildUp)[1].child
    assert new.replaces == old.id
    assert new.inbound.encryption != old.inbound.encryption
    assert len(gateway.installed) == 2
    world.run(20)
    assert list(client.installed) == [new.id]
    assert len(gateway.installed) == 1
    assert not client.of(Ended)
    assert client.of(Configured)[-1].address == "10.99.99.1"
    assert len(client.of(Configured)) == 1


def test_a_hard_expiry_at_the_gateway_ends_the_pair_and_the_client_makes_a_new_one():
    world, gateway, client = _up()
    theirs = gateway.of(ChildUp)[0].child
    world.do(gateway, gateway.endpoint.command(ChildExpired(theirs.id, hard=True), world.now))
    assert world.run(5, lambda: bool(client.of(ChildDown)))


@pytest.mark.parametrize("reason", [ends.ChildExpired(), ends.ChildTakenAway(), ends.ChildLeftBehind()])
def test_why_an_engine_carries_nothing_any_more_is_why_the_pair_ends(reason):
    world, gateway, client = _up()
    theirs = gateway.of(ChildUp)[0].child
    world.do(gateway, gateway.endpoint.command(ChildExpired(theirs.id, hard=True, reason=reason), world.now))
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2)
    assert [each.reason for each in gateway.of(ChildDown)] == [reason]
    assert gateway.of(ChildDown)[0].text() == f"SA pair {theirs.id} down: {reason.text}"
    assert not client.of(Ended)


def test_a_rekey_that_nobody_answers_keeps_the_old_pair():
    world, _gateway, client = _up()
    old = client.of(ChildUp)[0].child
    world.network.loss = 1.0
    client.last_inbound = world.now + 1000
    world.do(client, client.endpoint.command(ChildExpired(old.id, hard=False), world.now))
    world.run(60)
    assert not client.of(Ended)
    assert list(client.installed) == [old.id]


def test_a_dead_gateway_is_noticed_in_delay_and_retries():
    world, _gateway, client = _up(client=replace(CLIENT, dpd=Dpd(delay=20, retry=5, maxfail=5)))
    world.network.loss = 1.0
    cut = world.now
    assert world.run(100, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.DEAD_PEER
    assert len(client.of(Dead)) == 1
    assert world.now - cut <= 20 + 5 * 5 + 1


@pytest.mark.parametrize("seed", range(20))
def test_newcomer_5_a_jittering_clock_does_not_delay_the_end_of_a_dead_peer(seed):
    """Every answer tells the last packet a little later or earlier, as an engine with a clock of its own does."""
    world, _gateway, client = _up(client=replace(CLIENT, dpd=Dpd(delay=20, retry=5, maxfail=5)))
    last, randomness = world.now, random.Random(seed)
    client.answers[LastInbound] = lambda _: last + randomness.uniform(0, 0.0001)
    world.network.loss = 1.0
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert world.now - last <= 20 + 5 * 5 + 1


def test_a_slow_login_is_not_disturbed_by_probes():
    """vpnc ends at any other message while it waits for the verdict."""
    world, gateway, client = pair(gateway=replace(GATEWAY, dpd=Dpd(delay=1, retry=1)))
    gateway.slow = 4.0
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    messages = [data.removeprefix(bytes(4)) for _, _, _, data in world.wire]
    assert ExchangeType.INFORMATIONAL not in [data[18] for data in messages if len(data) > 28]
    before = len(world.wire)
    world.run(3)
    assert len(world.wire) > before


def test_traffic_is_life_and_needs_no_probe():
    world, gateway, client = _up()
    client.last_inbound = gateway.last_inbound = world.now + 10_000
    before = len(world.wire)
    world.run(300)
    assert {data for _, _, _, data in world.wire[before:]} == {b"\xff"}


def test_an_idle_tunnel_is_probed_and_lives():
    world, gateway, client = _up()
    world.run(600)
    assert not client.of(Ended)
    assert not gateway.of(Ended)


def test_f11_the_session_of_an_sa_pair_is_found_without_a_walk_through_all():
    """The owner of a pair is known from its installation to its removal, over renewals of phase 1."""
    world, gateway, client = _up()
    pairs = {event.child.id: event.session for event in gateway.of(ChildUp)}
    assert gateway.endpoint._context.owners == pairs
    session = gateway.endpoint._sessions.by_id[gateway.of(PhaseOneUp)[0].session]
    gateway.endpoint._sessions.by_id = _Unwalkable(gateway.endpoint._sessions.by_id)
    elsewhere = Peer(IPv4Address("203.0.113.77"), 4501)
    world.do(gateway, gateway.endpoint.command(PeerMoved(next(iter(pairs)), elsewhere), world.now))
    assert session.path.remote == elsewhere
    world.do(client, client.endpoint.command(Disconnect(client.of(PhaseOneUp)[0].session, BYE), world.now))
    world.run(2)
    assert not gateway.endpoint._context.owners
    assert not gateway.endpoint.command(PeerMoved(next(iter(pairs)), elsewhere), world.now)


class _Unwalkable(dict):
    """A dict in which one may look up, but not walk."""

    def values(self):
        raise AssertionError("all sessions were walked through")

    __iter__ = items = keys = values


def test_authentic_esp_from_elsewhere_moves_the_session():
    world, gateway, _client = _up()
    child = gateway.of(ChildUp)[0].child
    elsewhere = Peer(IPv4Address("203.0.113.9"), 4711)
    world.do(gateway, gateway.endpoint.command(PeerMoved(child.id, elsewhere), world.now))
    assert gateway.of(PathChanged)[0].new.remote == elsewhere
    assert gateway.of(PathChanged)[0].children == (child.id,)


def test_a_client_that_a_nat_moved_is_followed():
    world, gateway, client = _up()
    world.rebind(client)
    world.run(60)
    assert gateway.of(PathChanged)
    assert not client.of(Ended)
    assert not gateway.of(Ended)


def test_a_gateway_pushes_to_a_client_that_does_not_ask():
    world, gateway, client = pair(client=replace(CLIENT, mode_cfg=False))
    client.policy.remotes[0]
    connect(world, client, gateway)
    world.run(10)
    assert gateway.of(Configured)


def test_pfs_uses_keys_of_its_own_and_the_pushed_group():
    world, gateway, client = pair()
    child = replace(CHILD, pfs_group=Group.MODP1024)
    world.do(gateway, gateway.endpoint.command(Reload(Policy((GATEWAY,), child)), world.now))
    gateway.answers[AcquireConfiguration] = lambda _: replace(CONFIGURATION, pfs_group=2)
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in gateway.events]
    assert client.of(ChildUp)[0].child.outbound.encryption == gateway.of(ChildUp)[0].child.inbound.encryption


def test_pfs_that_one_end_does_not_want_is_refused_with_words():
    world, gateway, client = pair()
    child = replace(CHILD, pfs_group=Group.MODP1024)
    world.do(gateway, gateway.endpoint.command(Reload(Policy((GATEWAY,), child)), world.now))
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL
    assert any("none offered for PFS" in event.text() for event in gateway.events)


def test_a_shorter_lifetime_of_the_gateway_is_obeyed():
    world, gateway, client = pair()
    short = replace(CHILD, lifetime=600)
    world.do(gateway, gateway.endpoint.command(Reload(Policy((GATEWAY,), short)), world.now))
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert gateway.of(ChildUp)[0].child.lifetime.hard_seconds == 600
    assert client.of(ChildUp)[0].child.lifetime.hard_seconds == 600
    assert client.of(ChildUp)[0].child.lifetime.soft_seconds == 480


def test_phase_one_lasts_as_long_as_was_agreed():
    short = replace(GATEWAY, proposals=(replace(GATEWAY.proposals[0], lifetime=300),))
    world, gateway, client = _up(gateway=short, client=replace(CLIENT, rekey=False))
    assert world.run(310, lambda: bool(gateway.of(Ended)) and bool(client.of(Ended)))
    causes = {gateway.of(Ended)[0].reason.cause, client.of(Ended)[0].reason.cause}
    assert Cause.EXPIRED in causes, "whoever is first tells the other"


def _offered_more(check):
    """A client that offers ten minutes, at a gateway that answers with eight hours."""
    ours = replace(CLIENT.proposals[0], lifetime=600)
    remote = replace(CLIENT, proposals=(ours,), proposal_check=check)
    world, gateway, client = pair(gateway=replace(GATEWAY, offer_lifetime=True), client=remote)
    connect(world, client, gateway)
    return world, gateway, client


@pytest.mark.parametrize("check", [ProposalCheck.OBEY, ProposalCheck.CLAIM, ProposalCheck.STRICT])
def test_a_longer_lifetime_of_the_gateway_is_obeyed_or_not_kept_to(check):
    world, gateway, client = _offered_more(check)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert gateway.of(PhaseOneUp)[0].suite.lifetime == 28800
    assert client.of(PhaseOneUp)[0].suite.lifetime == (28800 if check is ProposalCheck.OBEY else 600)


def test_who_wants_exactly_its_own_lifetime_refuses_another_one():
    world, _, client = _offered_more(ProposalCheck.EXACT)
    assert world.run(10, lambda: bool(client.of(Ended)))
    reason = client.of(Ended)[0].reason
    assert reason.cause is Cause.NO_PROPOSAL
    assert "lifetime 28800 s offered, exactly 600 s wanted by proposal_check exact" in reason.text


@pytest.mark.parametrize("check", [ProposalCheck.STRICT, ProposalCheck.EXACT])
def test_a_longer_lifetime_is_refused_where_the_administrator_says_so(check):
    mine = replace(GATEWAY, proposal_check=check, proposals=(replace(GATEWAY.proposals[0], lifetime=300),))
    world, gateway, client = pair(gateway=mine)
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert "lifetime 28800 s offered" in gateway.of(Ended)[0].reason.text
    assert client.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL


OLD_CIPHERS = [(Cipher.CAMELLIA_CBC, 256), (Cipher.BLOWFISH_CBC, 448), (Cipher.CAST_CBC, 80)]


@pytest.mark.parametrize("integrity", list(Integrity))
@pytest.mark.parametrize(
    ("cipher", "bits"), [(Cipher.AES_CBC, 128), (Cipher.AES_CBC, 256), (Cipher.TWOFISH_CBC, 256), *OLD_CIPHERS]
)
def test_suites_of_phase_two(integrity, cipher, bits):
    world, gateway, client = pair()
    suites = replace(CHILD, suites=(EspSuite(cipher, bits, integrity),))
    for host in (gateway, client):
        world.do(host, host.endpoint.command(Reload(Policy(host.policy.remotes, suites)), world.now))
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert gateway.of(ChildUp)[0].suite == suites.suites[0]
    assert len(client.of(ChildUp)[0].child.outbound.encryption) == bits // 8


@pytest.mark.parametrize(
    ("suite", "octets"),
    [
        (EspSuite(Cipher.AES_GCM_16, 128, None), 20),
        (EspSuite(Cipher.AES_GCM_16, 256, None), 36),
        (EspSuite(Cipher.CHACHA20_POLY1305, 0, None), 36),
    ],
)
def test_suites_of_phase_two_that_authenticate_by_themselves(suite, octets):
    """The salt is part of KEYMAT; there is no key of integrity. The gateway's first choice wins over the client's."""
    world, gateway, client = pair()
    offered = replace(CHILD, suites=(*CHILD.suites, suite))
    for host, suites in ((gateway, replace(CHILD, suites=(suite, *CHILD.suites))), (client, offered)):
        world.do(host, host.endpoint.command(Reload(Policy(host.policy.remotes, suites)), world.now))
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    ours, theirs = client.of(ChildUp)[0].child, gateway.of(ChildUp)[0].child
    assert (ours.suite, theirs.suite) == (suite, suite)
    assert (ours.outbound, ours.inbound) == (theirs.inbound, theirs.outbound)
    assert (len(ours.outbound.encryption), len(ours.outbound.integrity)) == (octets, 0)


@pytest.mark.parametrize("group", [group for group in Group if group.name.startswith(("ECP", "CURVE"))])
@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_groups_over_curves_in_both_phases(group, mode):
    suite = replace(GATEWAY.proposals[0], group=group)
    ends = [replace(end, proposals=(suite,), exchange_modes=(mode,)) for end in (GATEWAY, CLIENT)]
    world, gateway, client = pair(gateway=ends[0], client=ends[1], randomness=SeededRandomness)
    for host in (gateway, client):
        policy = Policy(host.policy.remotes, replace(CHILD, pfs_group=group))
        world.do(host, host.endpoint.command(Reload(policy), world.now))
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in gateway.events]
    assert gateway.of(PhaseOneUp)[0].suite.group is group
    assert client.of(ChildUp)[0].child.outbound.encryption == gateway.of(ChildUp)[0].child.inbound.encryption


@pytest.mark.parametrize("group", [Group.ECP256, Group.CURVE25519, Group.MODP2048])
def test_a_public_value_that_is_none_ends_the_attempt_with_words(group):
    class Broken(SeededRandomness):
        def key_pair(self, group):
            pair = super().key_pair(group)
            return _Unusable(bytes(len(pair.public)))

    suite = replace(GATEWAY.proposals[0], group=group)
    remotes = {"gateway": replace(GATEWAY, proposals=(suite,)), "client": replace(CLIENT, proposals=(suite,))}
    world, gateway, client = pair(**remotes, randomness=SeededRandomness)
    client.endpoint = Endpoint(client.policy, Broken(1))
    connect(world, client, gateway)
    world.run(5)
    assert not gateway.of(PhaseOneUp)
    assert any("unusable Diffie-Hellman value" in event.text() for event in gateway.events)


@dataclass
class _Unusable:
    public: bytes

    def agree(self, _peer_public: bytes) -> bytes:
        return bytes(32)


@pytest.mark.parametrize("hashed", [Hash.SHA1, Hash.SHA256, Hash.SHA384, Hash.SHA512, Hash.MD5])
@pytest.mark.parametrize(
    ("cipher", "bits"),
    [(Cipher.AES_CBC, 192), (Cipher.AES_CBC, 256), (Cipher.TRIPLE_DES_CBC, 0), (Cipher.IDEA_CBC, 0), *OLD_CIPHERS],
)
def test_suites_of_phase_one(hashed, cipher, bits):
    suite = replace(GATEWAY.proposals[0], cipher=cipher, key_bits=bits, hash=hashed)
    _up(gateway=replace(GATEWAY, proposals=(suite,)), client=replace(CLIENT, proposals=(suite,)))


def test_without_nat_traversal_everything_stays_on_port_500_and_esp_is_plain():
    off = {"nat_traversal": Switch.OFF}
    _world, gateway, client = _up(gateway=replace(GATEWAY, **off), client=replace(CLIENT, **off))
    assert not client.of(PhaseOneUp)[0].path.floated
    assert gateway.of(ChildUp)[0].child.encapsulation is Encapsulation.NONE


def test_nat_traversal_on_finds_the_nat():
    on = {"nat_traversal": Switch.ON}
    _world, gateway, client = _up(gateway=replace(GATEWAY, **on), client=replace(CLIENT, **on))
    assert client.of(PhaseOneUp)[0].nat == "NAT before this end"
    assert gateway.of(PhaseOneUp)[0].nat == "NAT before the peer"
    assert gateway.of(ChildUp)[0].child.encapsulation is Encapsulation.UDP


def test_nat_traversal_on_without_a_nat_stays_plain():
    on = {"nat_traversal": Switch.ON}
    world, gateway, client = pair(gateway=replace(GATEWAY, **on), client=replace(CLIENT, **on))
    world.nat.clear()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert gateway.of(PhaseOneUp)[0].nat == "no NAT"
    assert client.of(ChildUp)[0].child.encapsulation is Encapsulation.NONE


@pytest.mark.parametrize(
    ("theirs", "ours"), [(Switch.ON, Switch.OFF), (Switch.OFF, Switch.ON), (Switch.OFF, Switch.FORCE)]
)
def test_fragments_go_only_to_who_announced_them(theirs, ours):
    world, gateway, _client = _up(
        gateway=replace(GATEWAY, ike_frag=Switch(theirs)), client=replace(CLIENT, ike_frag=Switch(ours))
    )
    from_gateway = [data for _, source, _, data in world.wire if source.address == gateway.address]
    assert not [data for data in from_gateway if data[16] == PayloadType.FRAGMENT]


def test_forced_fragmentation_cuts_the_first_message_too():
    many = replace(CLIENT, ike_frag=Switch.FORCE, proposals=CLIENT.proposals * 12)
    world, _gateway, _client = _up(client=many)
    assert world.wire[0][3][16] == PayloadType.FRAGMENT
    assert max(len(data) for _, _, _, data in world.wire) <= 540


def test_an_engine_that_fails_ends_the_attempt_with_its_words():
    world, gateway, client = pair()
    client.answers[Install] = lambda _: Failure(EngineFault("the TUN device is gone"))
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.text == "the TUN device is gone"


def test_a_person_who_does_not_answer_does_not_hold_the_session_for_ever():
    from lotor.ike.questions import AskPerson

    world, gateway, client = pair()
    client.answers[AskPerson] = lambda _: NEVER
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))


def test_strangers_at_the_door_are_bounded():
    world, gateway, client = pair()
    gateway.endpoint = Endpoint(replace(gateway.policy, admission=OPEN_DOOR), gateway.randomness)
    connect(world, client, gateway)
    first = world.wire[0][3]
    from lotor.model.network import Path

    for number in range(1200):
        source = Peer(IPv4Address("203.0.113.77") if number % 2 else IPv4Address(3405803776 + number), 1000 + number)
        datagram = number.to_bytes(8, "big", signed=False)[:7] + b"\x01" + first[8:]
        path = Path(Peer(gateway.address, 500), source)
        world.do(gateway, gateway.endpoint.receive(datagram, path, world.now))
    sessions = gateway.endpoint._sessions
    assert len(sessions.by_id) <= 1000
    assert sum(one.path.remote.address == IPv4Address("203.0.113.77") for one in sessions.by_id.values()) <= 64
    world.run(200)
    assert len(sessions.by_id) <= 1


def test_g43_what_the_host_refuses_ends_a_session_before_quick_mode():
    """The gateway assigns its own address; the host is asked first, and no SA pair is."""
    world, gateway, client = pair()
    why = "this host could not be set up for the tunnel: the gateway assigned its own address 192.0.2.50"
    asked = []
    client.answers[AdmitConfiguration] = lambda question: (
        asked.append(question.configuration) or Failure(HostUnfit(why))
    )
    connect(world, client, gateway)
    assert world.run(30, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason == HostUnfit(why)
    assert [each.address for each in asked] == [CONFIGURATION.address]
    assert not client.of(Configured)
    assert not client.installed
    quick = [data for *_, data in world.wire if data.removeprefix(bytes(4))[18:19] == bytes([ExchangeType.QUICK])]
    assert not quick
    world.run(5)
    assert gateway.of(Ended)
    assert not gateway.installed


def test_g43_a_host_that_is_still_asked_when_the_session_ends_changes_nothing():
    world, gateway, client = pair()
    client.answers[AdmitConfiguration] = lambda question: NEVER
    connect(world, client, gateway)
    assert world.run(30, lambda: any(isinstance(each, AdmitConfiguration) for each in client.questions))
    world.do(client, client.endpoint.command(Disconnect(1, BYE), world.now))
    world.run(5)
    assert not client.of(Configured)
    assert not client.installed
