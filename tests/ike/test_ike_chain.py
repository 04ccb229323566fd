"""Who gets which of our certificates: everybody the chain, vpnc the leaf alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.explain.attempts import Attempts
from lotor.explain.narrative import rows
from lotor.ike.events import LeftOut
from lotor.ike.questions import JudgePeer
from lotor.ike.v1 import riders
from lotor.model.algorithms import AuthMethod
from lotor.model.policy import ExchangeMode, Policy, ProposalCheck, Switch
from lotor.wire.v1.payloads import Certificate
from lotor.wire.v1.vendors import Vendor
from peers import clients
from peers.counter import Counter
from peers.speaker import Manners, Speaker
from peers.world import CHILD, CLIENT, GATEWAY, connect, is_up, pair, suite_with

CHAIN = tuple(b"\x30\x03" + name + bytes(900) for name in (b"leaf", b"middle", b"upper"))
CHAINED = replace(GATEWAY, certificates=CHAIN, proposal_check=ProposalCheck.OBEY, nat_traversal=Switch.ON)


def _sent_to(manners: Manners) -> tuple[list[bytes], Counter]:
    """The certificates in the answer to a client's first message."""
    suite = replace(CHAINED.proposals[0], key_bits=256)
    counter = Counter(Policy((replace(CHAINED, proposals=(*CHAINED.proposals, suite)),), CHILD))
    speaker = Speaker(9, manners)
    said = [speaker.whole(data) for data in counter.receive(speaker.first(), floated=False)]
    (answer,) = [message for message in said if message is not None]
    return [each.data for each in speaker.second(answer).all(Certificate)], counter


def test_peers_vpnc_gets_one_certificate_and_what_was_left_out_is_told():
    sent, counter = _sent_to(clients.vpnc().manners)
    assert sent == [CHAIN[0]]
    assert counter.host.of(LeftOut)[0].number == 2
    attempts = Attempts()
    for event in counter.host.events:
        attempts.follow(event)
    assert any("CA-File" in row.text for row in rows(attempts.all()[0]))


@pytest.mark.parametrize("fragmenting", [True, False])
def test_peers_everybody_else_gets_the_chain(fragmenting):
    usual = (Vendor.XAUTH.value, Vendor.RFC3947.value, Vendor.DPD.value)
    apple = tuple(each for each in clients.APPLE_VENDORS if not each.startswith(Vendor.FRAGMENTATION.value))
    shrew = (*clients.vpnc().manners.vendors, Vendor.SHREW.value)
    for vendors in (usual, apple, shrew):
        announced = (*vendors, *([clients.fragmentation()] if fragmenting else []))
        sent, counter = _sent_to(Manners(vendors=announced))
        assert sent == list(CHAIN)
        assert not counter.host.of(LeftOut)


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("fragments", [Switch.ON, Switch.OFF])
def test_peers_both_ends_send_their_chain_without_fragmentation_too(mode, fragments):
    common = {
        "proposals": (suite_with(AuthMethod.RSA),),
        "exchange_modes": (mode,),
        "certificates": CHAIN,
        "ike_frag": fragments,
    }
    world, gateway, client = pair(gateway=replace(GATEWAY, **common), client=replace(CLIENT, **common))
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    proofs = [q.proof for host in (client, gateway) for q in host.questions if isinstance(q, JudgePeer)]
    assert [proof.chain for proof in proofs] == [CHAIN, CHAIN]


@pytest.mark.parametrize(("count", "asked"), [(0, 1), (1, 1), (16, 16), (17, 1), (143, 1)])
def test_who_trusts_all_authorities_of_the_public_asks_for_any(count, asked):
    names = tuple(b"%d" % number for number in range(count))
    found = riders.requests(replace(CLIENT, authority_names=names))
    assert len(found) == asked
    assert (found[0].data == b"") is (count in {0, 17, 143})
