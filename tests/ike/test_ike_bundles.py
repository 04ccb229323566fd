"""Proposals of phase 2 that are more than ESP: IPComp beside it is taken where it may be, AH is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.errors import PolicyRefusal
from lotor.ike.events import ChildUp, Ended, Up
from lotor.ike.intents import ChildExpired, Reload
from lotor.ike.v1 import bundles
from lotor.ike.v1.choose import esp_answer, esp_choice
from lotor.model.algorithms import Cipher, Compression, EspSuite, Group, Integrity
from lotor.model.policy import ChildPolicy, Policy, ProposalCheck
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import EncapsulationMode, EspAttribute, ExchangeType, NotifyType, Protocol
from lotor.wire.v1.payloads import Nonce, Notification
from lotor.wire.v1.proposals import esp_transform, ipcomp_transform
from peers.intruder import Intruder
from peers.world import CHILD, connect, is_up, pair

SUITE = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)
OTHER = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1)
PLAIN = ChildPolicy((SUITE,), lifetime=3600)
COMPRESSING = replace(PLAIN, compression=(Compression.DEFLATE,))
ASKING = replace(COMPRESSING, ipcomp=True)
SPI, CPI = b"\x11\x22\x33\x44", b"\x4d\x2f"
UDP = EncapsulationMode.UDP_TUNNEL


def esp(number: int = 1, *, mode: int = UDP, spi: bytes = SPI, suite: EspSuite = SUITE) -> Proposal:
    transform = esp_transform(1, suite, group=None, encapsulation=mode, lifetime=3600)
    return Proposal(number, Protocol.ESP, spi, (transform,))


def ipcomp(number: int = 1, *, cpi: bytes = CPI, mode: int = UDP, id: int = 2) -> Proposal:  # noqa: A002 - the field
    transform = ipcomp_transform(1, Compression.DEFLATE, group=None, encapsulation=mode, lifetime=3600)
    return Proposal(number, Protocol.IPCOMP, cpi, (replace(transform, id=id),))


def ah(number: int = 1, mode: int = EncapsulationMode.TUNNEL) -> Proposal:
    attributes = (Attribute.tv(EspAttribute.ENCAPSULATION, mode), Attribute.tv(EspAttribute.AUTH, 2))
    return Proposal(number, Protocol.AH, b"\x55\x66\x77\x88", (Transform(1, 3, attributes),))


def choose(child: ChildPolicy, *proposals: Proposal, udp: bool = True):
    return esp_choice(ProposalCheck.CLAIM, child, SecurityAssociation(proposals), udp=udp)


def refusal(child: ChildPolicy, *proposals: Proposal, udp: bool = True) -> str:
    with pytest.raises(PolicyRefusal) as found:
        choose(child, *proposals, udp=udp)
    assert found.value.notify == NotifyType.NO_PROPOSAL_CHOSEN
    return str(found.value)


# -- the responder ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpi", [CPI, b"\0\0" + CPI], ids=["2", "4"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_bundle_is_taken_and_echoed_in_its_shape(cpi, order):
    """strongSwan sends 2 octets, RFC 3173 §4.1 lets peers send 4."""
    chosen = choose(COMPRESSING, *(esp(), ipcomp(cpi=cpi))[::order], esp(2))
    assert chosen.offer.compressing.algorithm is Compression.DEFLATE
    assert (chosen.offer.spi, chosen.offer.compressing.cpi) == (SPI, 0x4D2F)
    answer = chosen.offer.answer(b"\xaa\xbb\xcc\xdd", 0x1234)
    expected = (esp(spi=b"\xaa\xbb\xcc\xdd"), ipcomp(cpi=bytes(len(cpi) - 2) + b"\x12\x34"))[::order]
    assert answer.proposals == expected


def test_who_does_not_compress_takes_esp_alone():
    chosen = choose(PLAIN, esp(), ipcomp(), esp(2))
    assert chosen.offer.compressing is None
    assert chosen.offer.answer(b"\xaa\xbb\xcc\xdd", None).proposals == (esp(2, spi=b"\xaa\xbb\xcc\xdd"),)


def test_who_offers_esp_alone_first_gets_it():
    assert choose(COMPRESSING, esp(), esp(2), ipcomp(2)).offer.compressing is None


def test_a_peer_that_wants_nothing_else_hears_why():
    text = refusal(PLAIN, esp(), ipcomp())
    assert "offered aes-128/hmac_sha1/udp_tunnel+deflate" in text
    assert "IPComp is not accepted here" in text


@pytest.mark.parametrize(
    "unusable",
    [
        ipcomp(id=3),  # LZS
        ipcomp(id=1),
        ipcomp(cpi=b"\x00\x02"),
        ipcomp(cpi=b"\x00\xff"),
        ipcomp(cpi=b"\x00\x01\x4d\x2f"),
        ipcomp(cpi=b""),
        ipcomp(cpi=b"\x4d"),
        ipcomp(cpi=b"\x00\x4d\x2f"),
        ipcomp(mode=EncapsulationMode.TRANSPORT),
        ipcomp(mode=EncapsulationMode.UDP_TRANSPORT),
        replace(ipcomp(), transforms=()),
        replace(ipcomp(), transforms=(Transform(1, 2, (Attribute.tv(EspAttribute.COMPRESS_DICTIONARY_SIZE, 9),)),)),
        replace(ipcomp(), protocol=Protocol.AH),
        replace(ipcomp(), protocol=9),
    ],
)
def test_a_bundle_that_is_not_understood_is_passed_by(unusable):
    assert choose(COMPRESSING, esp(), unusable, esp(2)).offer.bundle == (esp(2),)
    refusal(COMPRESSING, esp(), unusable)


def test_three_for_one_number_are_not_taken():
    for more in (ipcomp(), ah(), esp()):
        refusal(COMPRESSING, esp(), ipcomp(), more)


def test_the_same_number_later_still_makes_a_bundle():
    refusal(PLAIN, ah(1), esp(2, suite=OTHER), esp(1))


def test_proposals_of_esp_that_share_a_number_are_alternatives():
    """vpnc numbers all of its proposals 0."""
    assert choose(PLAIN, esp(0, suite=OTHER), esp(0)).suite == SUITE


def test_deflate_is_found_among_several():
    several = replace(ipcomp(), transforms=(*ipcomp(id=3).transforms, *ipcomp().transforms))
    chosen = choose(COMPRESSING, esp(), several)
    assert chosen.offer.answer(SPI, 0x4D2F).proposals == (esp(), ipcomp())


@pytest.mark.parametrize("mode", [EncapsulationMode.TRANSPORT, EncapsulationMode.UDP_TRANSPORT, UDP])
def test_transport_mode_is_no_tunnel(mode):
    """Without a NAT nothing but plain tunnel mode will do, as it is with one but in UDP."""
    refusal(PLAIN, esp(mode=mode), udp=False)
    assert choose(PLAIN, esp(mode=mode), esp(2, mode=EncapsulationMode.TUNNEL), udp=False).offer.bundle[0].number == 2


@pytest.mark.parametrize(
    ("spi", "told"),
    [
        (bytes(4), "SPI 0 offered, those below 256 are reserved"),
        (b"\0\0\0\xff", "SPI 255 offered, those below 256 are reserved"),
        (bytes(8), "an SPI of 8 octets offered, 4 are wanted"),
        (b"", "an SPI of 0 octets offered, 4 are wanted"),
    ],
)
def test_l04_an_spi_that_cannot_be_used_is_named(spi, told):
    text = refusal(PLAIN, esp(spi=spi))
    assert told in text
    assert "tunnel mode" not in text
    assert "no tunnel mode in UDP offered" in refusal(PLAIN, esp(mode=EncapsulationMode.TRANSPORT))


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        ((replace(SUITE, integrity=Integrity.HMAC_MD5),), "integrity hmac_md5 offered, hmac_sha1 wanted"),
        (
            (
                replace(SUITE, integrity=Integrity.HMAC_MD5),
                EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),
            ),
            "integrity hmac_md5 or hmac_sha256 offered, hmac_sha1 wanted",
        ),
        ((OTHER,), "cipher differs"),
        ((replace(OTHER, integrity=Integrity.HMAC_MD5), SUITE), ""),
        ((EspSuite(Cipher.AES_GCM_16, 128, None),), "cipher differs"),
    ],
)
def test_a_misfit_of_phase_2_names_what_differs(offered, told):
    proposals = [esp(number, suite=suite) for number, suite in enumerate(offered, 1)]
    if told:
        assert refusal(PLAIN, *proposals).endswith(f"({told})")
    else:
        assert choose(PLAIN, *proposals).suite == SUITE


# -- the initiator ----------------------------------------------------------------------------------------------------


def test_what_is_offered():
    """As strongSwan does: with IPComp, then the same without."""
    policy = replace(ASKING, pfs_group=Group.MODP2048)
    sa = bundles.offer(policy, UDP, SPI, 0x4D2F)
    assert [(p.number, p.protocol, p.spi) for p in sa.proposals] == [
        (1, Protocol.ESP, SPI),
        (1, Protocol.IPCOMP, CPI),
        (2, Protocol.ESP, SPI),
    ]
    assert [t.id for t in sa.proposals[1].transforms] == [2]
    assert [each.esp.group for each in bundles.offered(sa, policy.compression)] == [14, 14]
    assert bundles.texts(sa) == ["aes-128/hmac_sha1/modp2048/udp_tunnel" + end for end in ("+deflate", "")]
    assert bundles.offer(policy, UDP, SPI, None).proposals == sa.proposals[:1]


def test_the_answer_may_have_it_or_not():
    for answer in ((esp(), ipcomp()), (esp(2),), (esp(1),)):
        chosen = esp_answer(ProposalCheck.CLAIM, ASKING, SecurityAssociation(answer), udp=True)
        assert (chosen.offer.compressing is not None) is (len(answer) == 2)


@pytest.mark.parametrize(
    "answer",
    [
        (esp(), ipcomp(), esp(2)),
        (esp(), ipcomp(id=3)),
        (esp(), replace(ipcomp(), transforms=ipcomp().transforms * 2)),
        (esp(), ah()),
        (ah(),),
        (ipcomp(),),
    ],
)
def test_every_other_answer_is_refused(answer):
    with pytest.raises(PolicyRefusal, match="not offered"):
        esp_answer(ProposalCheck.CLAIM, ASKING, SecurityAssociation(answer), udp=True)


@pytest.mark.parametrize("policy", [PLAIN, COMPRESSING])
def test_an_answer_with_what_was_not_offered_is_refused(policy):
    with pytest.raises(PolicyRefusal, match="not offered"):
        esp_answer(ProposalCheck.CLAIM, policy, SecurityAssociation((esp(), ipcomp())), udp=True)


# -- AH ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proposals", [(ah(),), (ah(), esp()), (esp(), ah()), (ah(1), ah(2))])
@pytest.mark.parametrize("child", [PLAIN, ASKING])
def test_ah_is_refused_by_name(child, proposals):
    text = refusal(child, *proposals)
    assert "ah/hmac_sha1/tunnel" in text
    assert "AH is not carried out" in text


def test_esp_beside_an_offer_of_ah_is_taken():
    assert choose(PLAIN, ah(1), esp(2)).offer.bundle == (esp(2),)


# -- both ends --------------------------------------------------------------------------------------------------------


def _connected(client_child: ChildPolicy, gateway_child: ChildPolicy):
    world, gateway, client = pair()
    for host, child in ((gateway, gateway_child), (client, client_child)):
        changed = replace(CHILD, compression=child.compression, ipcomp=child.ipcomp)
        world.do(host, host.endpoint.command(Reload(Policy(host.policy.remotes, changed)), world.now))
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]
    return world, gateway, client


def _mirrored(client, gateway) -> bool:
    """Whether the newest pairs compress, each end with the other's CPI."""
    ours, theirs = client.of(ChildUp)[-1].child.compression, gateway.of(ChildUp)[-1].child.compression
    if ours is None or theirs is None:
        assert ours is theirs is None
        return False
    assert (ours.cpi_in, ours.cpi_out) == (theirs.cpi_out, theirs.cpi_in)
    assert all(256 <= cpi < 61440 for cpi in (ours.cpi_in, ours.cpi_out))
    return True


@pytest.mark.parametrize("gateway_child", [PLAIN, COMPRESSING, ASKING])
@pytest.mark.parametrize("client_child", [PLAIN, COMPRESSING, ASKING])
def test_two_ends(client_child, gateway_child):
    _, gateway, client = _connected(client_child, gateway_child)
    assert _mirrored(client, gateway) is (client_child.ipcomp and bool(gateway_child.compression))


def test_a_rekey_by_either_end_keeps_compressing():
    world, gateway, client = _connected(ASKING, COMPRESSING)
    used = set()
    for number, host in ((2, client), (3, gateway), (4, client)):
        used.add(client.of(ChildUp)[-1].child.compression.cpi_in)
        old = host.of(ChildUp)[-1].child.id
        world.do(host, host.endpoint.command(ChildExpired(old, hard=False), world.now))
        assert world.run(10, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == number)  # noqa: B023
        assert _mirrored(client, gateway)
        world.run(1)
    assert len(used) == 3
    assert not client.of(Ended)
    assert len(client.of(Up)) == 1


def test_a_gateway_does_not_begin_to_compress_at_a_rekey():
    """A client that never asked gets none when the gateway renews its pair."""
    world, gateway, client = _connected(COMPRESSING, ASKING)
    old = gateway.of(ChildUp)[-1].child.id
    world.do(gateway, gateway.endpoint.command(ChildExpired(old, hard=False), world.now))
    assert world.run(10, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    assert not _mirrored(client, gateway)


def test_a_peer_that_offers_ah_hears_no_and_the_journal_says_why():
    world, gateway, client = _connected(PLAIN, PLAIN)
    intruder = Intruder(world, client, gateway)
    before = len(gateway.events)
    answers = intruder.say(ExchangeType.QUICK, 4711, SecurityAssociation((ah(),)), Nonce(bytes(16)))
    (notice,) = [intruder.read(data) for data in answers if data[18] == ExchangeType.INFORMATIONAL]
    assert notice.only(Notification).type == NotifyType.NO_PROPOSAL_CHOSEN
    assert not [data for data in answers if data[18] == ExchangeType.QUICK]
    told = " ".join(event.text() for event in gateway.events[before:])
    assert "offered ah/hmac_sha1/tunnel" in told
    assert "AH is not carried out" in told
    assert len(gateway.installed) == 1
