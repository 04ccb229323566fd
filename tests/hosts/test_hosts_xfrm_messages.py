"""Octets of XFRM: the same that `ip xfrm` of iproute2 sends, and what the kernel tells."""

from __future__ import annotations

import sys
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from lotor.hosts.rtnetlink import attributes_in, written
from lotor.hosts.xfrm import messages, policy_messages, shapes, suites
from lotor.hosts.xfrm.entries import (
    OWN_INTERFACE,
    CompSa,
    Direction,
    Overrun,
    Policy,
    Protocol,
    Sa,
    SaExpired,
    SaId,
    SaMapped,
    SaTaken,
    State,
    Wanted,
)
from lotor.hosts.xfrm.shapes import Message, Mode, Of, Shape
from lotor.model.algorithms import AEADS, Cipher, Compression, EspSuite, Integrity
from lotor.model.child import DirectionKeys, Encapsulation, Lifetime
from lotor.model.network import Peer
from lotor.model.secret import Secret

TYPES = {
    "NEWSA": Message.NEW_SA,
    "GETSA": Message.GET_SA,
    "DELSA": Message.DELETE_SA,
    "NEWPOLICY": Message.NEW_POLICY,
    "GETPOLICY": Message.GET_POLICY,
    "DELPOLICY": Message.DELETE_POLICY,
    "UPDPOLICY": Message.UPDATE_POLICY,
}


def _recorded() -> dict[str, tuple[int, bytes]]:
    """By what a command says: type and body of its message."""
    texts = (Path(__file__).parent / "xfrm_recorded.txt").read_text().split("\n\n")[1:]
    lines = [text.splitlines() for text in texts if text.strip()]
    return {first: (TYPES[kind.strip()], bytes.fromhex("".join(octets))) for first, kind, *octets in lines}


RECORDED = _recorded()
US, PEER = ip_address("192.0.2.1"), ip_address("198.51.100.7")
US6, PEER6 = ip_address("2001:db8::1"), ip_address("2001:db8:1::7")
REQID = 0x6C6F0007
AES_SHA1 = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)
GCM = EspSuite(Cipher.AES_GCM_16, 256, None)
CHACHA = EspSuite(Cipher.CHACHA20_POLY1305, 0, None)
TRIPLE_DES = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA256)


def key(octets: int) -> Secret:
    return Secret(bytes(range(octets)))


def sa(spi=0xC0FFEE01, suite=AES_SHA1, sizes=(16, 20), **more) -> Sa:
    ends = {"source": Peer(US, 4500), "destination": Peer(PEER, 61001), "encapsulation": Encapsulation.NONE} | more
    return Sa(suite=suite, keys=DirectionKeys(spi, key(sizes[0]), key(sizes[1])), reqid=REQID, **ends)


def policy(direction=Direction.OUT, **more) -> Policy:
    """As `ip` makes it: it can give no label."""
    networks = {"source": ip_network("10.99.99.0/24"), "destination": ip_network("10.0.0.0/8")}
    ends = {"tunnel_source": US, "tunnel_destination": PEER}
    return Policy(direction, **(networks | ends | {"reqid": REQID, "foreign": True} | more))


def recorded(words: str) -> bytes:
    """The body of the one message whose command has these words."""
    (found,) = [body for command, (_, body) in RECORDED.items() if words in command]
    return found


def same(ours: bytes, theirs: bytes, shape: Shape, without: frozenset[Of] = frozenset()) -> None:
    """The struct, and the attributes in any order."""
    assert shape.read(ours) == shape.read(theirs)
    written, wanted = attributes_in(ours[shape.size :]), attributes_in(theirs[shape.size :])
    assert {number: value for number, value in written.items() if number not in without} == wanted


@pytest.fixture(autouse=True)
def this_machine():
    if sys.byteorder != "little":
        pytest.skip("what was recorded is of another machine")


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        *((shapes.SELECTOR, 56), (shapes.ID, 24), (shapes.LIMITS, 64), (shapes.LIVED, 32), (shapes.REFUSED, 12)),
        *((shapes.SA, 224), (shapes.SA_ID, 24), (shapes.POLICY, 168), (shapes.POLICY_ID, 64), (shapes.TEMPLATE, 64)),
        *((shapes.ENCAPSULATION, 24), (shapes.ALGORITHM, 68), (shapes.AUTHENTICATING, 72), (shapes.DEVICE, 8)),
        *((shapes.AUTHENTICATED, 72), (shapes.REPLAY_ESN, 24), (shapes.EXPIRE, 232), (shapes.MAPPING, 64)),
        (shapes.ACQUIRE, 280),
    ],
)
def test_structs_are_as_long_as_the_kernels(shape, size):
    assert shape.size == size


def test_a_field_that_a_struct_does_not_have_is_an_error():
    with pytest.raises(TypeError, match="no prot"):
        shapes.ID.write(prot=50)


def test_a_struct_that_is_cut_short_is_an_error():
    with pytest.raises(OSError, match="cut short"):
        shapes.SA.read(bytes(223))


REPLAY = frozenset({Of.REPLAY_ESN})
"""`ip` says nothing of the window where it has none."""


def test_an_sa_with_aes_and_sha1():
    same(messages.sa(sa()), recorded("enc cbc(aes)"), shapes.SA, REPLAY)


def test_an_sa_with_esn_a_window_an_interface_a_mark_and_lifetimes():
    life = Lifetime(soft_seconds=2999.5, hard_seconds=3600, soft_octets=1_000_000, hard_octets=2_000_000)
    ours = sa(0xC0FFEE02, GCM, (36, 0), esn=True, replay_window=1024, interface=OWN_INTERFACE, mark=0x6C, lifetime=life)
    ours = replace(ours, sequence=1 << 32 | 77, outbound=True)
    same(messages.sa(ours), recorded("replay-window 1024"), shapes.SA)


@pytest.mark.parametrize(("spi", "outbound"), [(0xC0FFEE05, True), (0xC0FFEE06, False)])
def test_an_sa_that_a_device_seals(spi, outbound):
    """That of the loop, which each network namespace has as its first."""
    ours = messages.sa(sa(spi, GCM, (36, 0), device="lo", outbound=outbound), 1)
    theirs = recorded(f"offload dev lo dir {'out' if outbound else 'in'}")
    wanted, written = (attributes_in(each[shapes.SA.size :]) for each in (theirs, ours))
    assert wanted[Of.DEVICE] == written[Of.DEVICE]
    assert written.keys() == wanted.keys() | REPLAY


def test_an_sa_in_udp():
    ours = sa(0xC0FFEE03, CHACHA, (36, 0), encapsulation=Encapsulation.UDP)
    same(messages.sa(ours), recorded("espinudp"), shapes.SA, REPLAY)


def test_an_sa_in_transport_mode_over_ipv6():
    ends = {"source": Peer(US6, 4500), "destination": Peer(PEER6, 4500)}
    ours = sa(0xC0FFEE04, TRIPLE_DES, (24, 32), tunnel=False, **ends)
    same(messages.sa(ours), recorded("mode transport enc"), shapes.SA, REPLAY)


def test_an_sa_of_ipcomp():
    ours = CompSa(US, PEER, 0x1234, Compression.DEFLATE, REQID, OWN_INTERFACE)
    same(messages.sa(ours), recorded("state add src 192.0.2.1 dst 198.51.100.7 proto comp"), shapes.SA)


def test_what_names_an_sa():
    """`ip` also sends a source that is nobody's."""
    assert messages.sa_id(SaId(PEER, 0xC0FFEE01)) == recorded("state get")[: shapes.SA_ID.size]
    ipcomp = SaId(PEER6, 0x1234, Protocol.IPCOMP)
    assert messages.sa_id(ipcomp) == recorded("state delete")[: shapes.SA_ID.size]


def test_a_policy_for_what_goes_out():
    ours = policy(spi=0xC0FFEE01, interface=OWN_INTERFACE, priority=1000)
    same(messages.policy(ours), recorded("policy add src 10.99.99.0/24"), shapes.POLICY)


def test_a_policy_with_ipcomp_for_what_goes_through():
    networks = {"source": ip_network("2001:db8:a::/64"), "destination": ip_network("::/0")}
    same(messages.policy(policy(Direction.FORWARD, comp=True, **networks)), recorded("level use"), shapes.POLICY)


def test_a_policy_for_ipv4_inside_of_ipv6():
    ends = {"tunnel_source": US6, "tunnel_destination": PEER6, "destination": ip_network("0.0.0.0/0")}
    same(messages.policy(policy(Direction.IN, **ends)), recorded("policy update"), shapes.POLICY)


def test_what_names_a_policy():
    same(messages.policy_id(policy(interface=OWN_INTERFACE)), recorded("policy get"), shapes.POLICY_ID)


def test_a_policy_is_taken_away_by_its_index():
    made = messages.policy(policy(foreign=False))
    told = shapes.POLICY.write(**(shapes.POLICY.read(made) | {"index": 1234, "direction": 1}))
    ours = messages.removal(told + made[shapes.POLICY.size :])
    asked = shapes.POLICY_ID.read(recorded("policy delete"))
    assert ours is not None
    assert shapes.POLICY_ID.read(ours)["index"] == asked["index"] == 1234
    assert shapes.POLICY_ID.read(ours)["direction"] == asked["direction"]


def test_a_policy_of_others_has_no_removal():
    assert messages.removal(messages.policy(policy())) is None


def test_what_is_lotors_is_known_by_its_label_where_the_reqid_is_anothers():
    """That of another program's policy, 0 for example."""
    ours = sa(0xC0FFEE01)
    assert messages.removal(messages.policy(policy(reqid=0, foreign=False))) is not None
    assert messages.read_state(messages.sa(replace(ours, reqid=0, led=True))) is not None
    assert messages.read_state(messages.sa(replace(ours, reqid=0))) is None
    assert shapes.SA.read(messages.sa(ours))["number"] == 0


def test_ipcomp_may_be_missing_in_what_comes_and_not_in_what_goes():
    assert len(Direction) == 3
    for direction in Direction:
        attributes = attributes_in(messages.policy(policy(direction, comp=True, spi=9))[shapes.POLICY.size :])
        comp, esp = (shapes.TEMPLATE.read(attributes[Of.TEMPLATES][each:]) for each in (0, shapes.TEMPLATE.size))
        assert comp["optional"] == (direction is not Direction.OUT)
        assert not esp["optional"]
        assert (comp["mode"], esp["mode"]) == (Mode.TUNNEL, Mode.TRANSPORT)
        assert shapes.ID.read(esp["id"])["spi"] == 9


def _attribute(entry: Sa, number: Of) -> bytes | None:
    return attributes_in(messages.sa(entry)[shapes.SA.size :]).get(number)


@pytest.mark.parametrize("cipher", [each for each in Cipher if each is not Cipher.IDEA_CBC])
def test_every_cipher_of_the_other_engine_has_a_name(cipher):
    alone = cipher in AEADS
    suite = EspSuite(cipher, 0, None if alone else Integrity.HMAC_SHA1)
    told = _attribute(sa(suite=suite, sizes=(20, 0 if alone else 20)), Of.AEAD if alone else Of.CRYPT)
    assert told is not None
    head = (shapes.AUTHENTICATED if alone else shapes.ALGORITHM).read(told)
    assert head["name"].rstrip(b"\0").decode() == (suites.CIPHERS | suites.AEADS)[cipher]
    assert head["bits"] == 160
    assert told.endswith(bytes(range(20)))


@pytest.mark.parametrize(("integrity", "bits"), list(zip(Integrity, (96, 96, 128, 192, 256), strict=True)))
def test_so_many_bits_of_a_digest_are_sent(integrity, bits):
    told = _attribute(sa(suite=EspSuite(Cipher.AES_CBC, 128, integrity)), Of.AUTHENTICATION)
    assert told is not None
    assert shapes.AUTHENTICATING.read(told)["truncated"] == bits


@pytest.mark.parametrize(
    ("window", "esn", "words", "told"),
    [
        *((0, False, 1, 0), (0, True, 1, 1), (32, False, 1, 32), (33, False, 2, 33), (1024, True, 32, 1024)),
        *((4096, True, 128, 4096), (9999, False, 128, 4096)),
    ],
)
def test_windows(window, esn, words, told):
    """With ESN the kernel wants one of an SA that only sends, too; none is larger than the kernel's largest."""
    fields = shapes.REPLAY_ESN.read(_replay(sa(replay_window=window, esn=esn)))
    assert (fields["words"], fields["window"]) == (words, told)


def _replay(entry: Sa) -> bytes:
    replay = _attribute(entry, Of.REPLAY_ESN)
    assert replay is not None
    return replay


def test_an_sa_made_anew_has_received_what_the_one_before_had():
    """Nobody plays again what came there."""
    seen = bytes(range(16))
    made = sa(replay_window=128, esn=True, received=2 << 32 | 9, window=seen)
    state = messages.read_state(messages.sa(made))
    assert state is not None
    assert (state.received, state.window) == (2 << 32 | 9, seen)


@pytest.mark.parametrize("window", [b"", bytes(12), bytes(20)])
def test_a_window_of_another_size_lets_nothing_old_in(window):
    replay = _replay(sa(replay_window=128, received=9, window=window))
    assert replay[shapes.REPLAY_ESN.size :] == b"\xff" * 16


def _limits(entry: Sa) -> dict[str, int]:
    return shapes.LIMITS.read(shapes.SA.read(messages.sa(entry))["limits"])


def test_without_esn_an_sa_that_sends_ends_before_its_sequence_numbers():
    limits = _limits(sa(outbound=True))
    assert limits["hard_packets"] == 2**32 - 1
    assert limits["soft_packets"] == 2**32 - 1 - (2**32 - 1) // 16
    assert limits["soft_octets"] == limits["soft_packets"] * 512
    later = _limits(sa(outbound=True, sequence=2**32 - 11))
    assert (later["soft_packets"], later["hard_packets"]) == (1, 10)


def test_with_esn_or_inbound_packets_are_not_counted():
    for entry in (sa(outbound=True, esn=True), sa(outbound=False)):
        assert _limits(entry)["soft_octets"] == shapes.NO_LIMIT
        assert _limits(entry)["soft_packets"] == _limits(entry)["hard_packets"] == shapes.NO_LIMIT


def test_a_lifetime_of_nothing_is_not_one_without_end():
    limits = _limits(sa(lifetime=Lifetime(0.0, 0.2, 0, 0)))
    assert (limits["soft_seconds"], limits["hard_seconds"]) == (1, 1)
    assert (limits["soft_octets"], limits["hard_octets"]) == (1, 1)


def test_an_ipcomp_sa_is_marked_as_its_esp():
    for mark, told in ((0x6C6F, (b"\x6f\x6c\0\0", b"\xff" * 4)), (0, (None, None))):
        body = messages.sa(CompSa(US, PEER, 0x1234, Compression.DEFLATE, REQID, mark=mark))
        found = attributes_in(body[shapes.SA.size :])
        assert (found.get(Of.SET_MARK), found.get(Of.SET_MARK_MASK)) == told


def test_what_an_sa_received_is_never_marked():
    assert _attribute(sa(mark=5, outbound=False), Of.SET_MARK) is None
    assert _attribute(sa(mark=5, outbound=True), Of.SET_MARK_MASK) == b"\xff" * 4


@pytest.mark.parametrize(("outbound", "flags"), [(True, 0), (False, 2)])
def test_a_device_does_the_cryptography(outbound, flags):
    body = messages.sa(sa(outbound=outbound), 7)
    told = attributes_in(body[shapes.SA.size :])[Of.DEVICE]
    assert shapes.DEVICE.read(told) == {"index": 7, "flags": flags}


def _told_sa(entry: Sa, **more) -> bytes:
    """As the kernel tells it."""
    fields = shapes.SA.read(messages.sa(entry)) | {
        "lived": shapes.LIVED.write(octets=1000, packets=10),
        "refused": shapes.REFUSED.write(window=5, replayed=2, forged=3),
    }
    return shapes.SA.write(**(fields | more)) + messages.sa(entry)[shapes.SA.size :]


def test_the_state_of_an_sa():
    entry = sa(esn=True, sequence=3 << 32 | 4)
    expected = State(entry.id, REQID, octets=1000, packets=10, replayed=7, forged=3, sent=3 << 32 | 4)
    assert messages.read_state(_told_sa(entry)) == expected


def test_a_place_that_the_kernel_holds_is_for_the_sa_of_its_number_alone():
    """Another program that reserves an SPI has such a place as well."""
    held = _told_sa(sa())[: shapes.SA.size]
    assert messages.holds_place(held, sa().reqid)
    assert not messages.holds_place(held, sa().reqid + 1)
    assert not messages.holds_place(_told_sa(sa()), sa().reqid)
    foreign = _told_sa(replace(sa(), reqid=7))[: shapes.SA.size]
    assert not messages.holds_place(foreign, sa().reqid)


def test_sas_of_others_and_those_that_the_kernel_waits_for_have_no_state():
    assert messages.read_state(_told_sa(replace(sa(), reqid=7))) is None
    assert messages.read_state(_told_sa(sa(0))) is None
    assert messages.read_state(_told_sa(sa())[: shapes.SA.size]) is None
    authentication = shapes.ID.write(destination=PEER.packed, spi=9, protocol=51)
    assert messages.read_state(_told_sa(sa(), id=authentication)) is None


@pytest.mark.parametrize("hard", [False, True])
def test_the_end_of_a_lifetime(hard):
    body = shapes.EXPIRE.write(sa=_told_sa(sa())[: shapes.SA.size], hard=hard)
    told = messages.read_told(Message.EXPIRE, body)
    assert isinstance(told, SaExpired)
    assert (told.hard, told.state.octets, told.state.id) == (hard, 1000, SaId(PEER, 0xC0FFEE01))


def test_an_sa_that_was_taken_away():
    """As `ip xfrm state delete` does, and as lotor does."""
    body = messages.sa_id(SaId(PEER, 0xC0FFEE01)) + written({Of.SA: _told_sa(sa())[: shapes.SA.size]})
    told = messages.read_told(Message.DELETE_SA, body)
    assert isinstance(told, SaTaken)
    assert (told.state.octets, told.state.id) == (1000, SaId(PEER, 0xC0FFEE01))
    assert messages.read_told(Message.DELETE_SA, body[: shapes.SA_ID.size]) is None
    foreign = written({Of.SA: _told_sa(replace(sa(), reqid=7))[: shapes.SA.size]})
    assert messages.read_told(Message.DELETE_SA, body[: shapes.SA_ID.size] + foreign) is None


def test_after_a_flush_all_sas_must_be_looked_at():
    assert messages.read_told(Message.FLUSH_SAS, b"\0") == Overrun()


@pytest.mark.parametrize(("address", "version"), [("203.0.113.9", 2), ("2001:db8:9::9", 10)])
def test_another_address_of_a_peer(address, version):
    local, remote = (US, ip_address(address)) if version == 2 else (US6, ip_address(address))
    named = shapes.SA_ID.write(destination=local.packed, spi=9, family=version, protocol=50)
    body = shapes.MAPPING.write(id=named, reqid=REQID, new_address=remote.packed, new_port=61002)
    assert messages.read_told(Message.MAPPING, body) == SaMapped(SaId(local, 9), Peer(remote, 61002))
    other = shapes.SA_ID.write(destination=local.packed, spi=9, family=version, protocol=51)
    assert messages.read_told(Message.MAPPING, shapes.MAPPING.write(id=other, reqid=REQID)) is None


def test_ends_of_the_sas_of_others_and_other_messages_are_nothing():
    body = shapes.EXPIRE.write(sa=_told_sa(replace(sa(), reqid=7))[: shapes.SA.size])
    assert messages.read_told(Message.EXPIRE, body) is None
    assert messages.read_told(Message.NEW_SA, messages.sa(sa())) is None


def test_a_packet_that_waits_for_an_sa_tells_the_policy_that_led_it_there():
    """As the kernel tells it: the policy's own selector, and its template behind."""
    made = messages.policy(policy(reqid=0, interface=7))
    body = shapes.ACQUIRE.write(policy=made[: shapes.POLICY.size], number=5) + made[shapes.POLICY.size :]
    assert policy_messages.read_told(Message.ACQUIRE, body) == Wanted(policy(reqid=0, interface=7))
    own = messages.policy(policy(comp=True, spi=9, foreign=False))
    body = shapes.ACQUIRE.write(policy=own[: shapes.POLICY.size]) + own[shapes.POLICY.size :]
    assert policy_messages.read_told(Message.ACQUIRE, body) == Wanted(policy(comp=True, foreign=False))


@pytest.mark.parametrize(
    ("fields", "selector"),
    [
        ({"direction": 4}, {}),
        ({"action": 1}, {}),
        ({}, {"family": 0}),
        ({}, {"source_length": 33}),
        ({}, {"family": 9}),
    ],
)
def test_policies_of_sockets_and_of_no_network_are_nobodys(fields, selector):
    made = messages.policy(policy())
    named = shapes.SELECTOR.read(made) | selector
    head = shapes.POLICY.read(made) | {"selector": shapes.SELECTOR.write(**named)} | fields
    assert policy_messages.read_policy(shapes.POLICY.write(**head) + made[shapes.POLICY.size :]) is None
    assert policy_messages.read_policy(made) == policy()


def test_an_sa_that_the_kernel_waits_for_is_lotors_by_its_reqid():
    waiting = messages.sa(sa())[: shapes.SA.size]
    assert messages.waits_for(waiting) == SaId(PEER, 0xC0FFEE01)
    assert messages.waits_for(messages.sa(sa())) is None
    for other in (replace(sa(), reqid=0), sa(0)):
        assert messages.waits_for(messages.sa(other)[: shapes.SA.size]) is None
