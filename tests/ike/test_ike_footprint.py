"""What a half-open session takes of the memory, in octets that the interpreter counts."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Ask, Transmit
from lotor.model.network import Peer
from lotor.model.policy import ExchangeMode, Policy
from lotor.wire.v1.chain import build_chain
from lotor.wire.v1.proposals import ike_transform
from peers.counter import Counter, path
from peers.speaker import GROUP, Manners, Speaker
from peers.world import CHILD, GATEWAY, OPEN_DOOR, SUITE

MANY = 200
BOTH = replace(GATEWAY, exchange_modes=(ExchangeMode.AGGRESSIVE, ExchangeMode.MAIN))
MANNERS = {
    "aggressive": Manners(),
    "main": Manners(main=True),
    "long": Manners(
        transforms=(*(ike_transform(n, replace(SUITE, key_bits=0)) for n in range(1, 30)), ike_transform(30, SUITE)),
        vendors=(*Manners().vendors, *(bytes([number]) * 60 for number in range(40))),
        identity=replace(GROUP, data=bytes(500)),
    ),
}


def begin(counter: Counter, message: bytes, number: int) -> int:
    """A first message from an address of its own; the octets of the answer, which is kept for a copy."""
    todo, octets = list(counter.endpoint.receive(message, path(Peer(IPv4Address(0xC6120000 + number), 500)), 1.0)), 0
    while todo:
        effect = todo.pop(0)
        if isinstance(effect, Ask):
            todo += counter.endpoint.answer(effect.ticket, counter.host.answer(effect.question), 1.0)
        elif isinstance(effect, Transmit):
            octets += len(effect.data)
    counter.host.questions.clear()
    return octets


@pytest.mark.parametrize("kind", MANNERS)
def test_f17_a_half_open_session_takes_eight_kib_beside_the_octets_that_it_must_keep(kind):
    """Those of its answer, and of the SA and the identity of the first message, which hashes cover."""
    speaker, counter = Speaker(0, MANNERS[kind]), Counter(Policy((BOTH,), CHILD, admission=OPEN_DOOR))
    messages = [bytes(bytearray(Speaker(seed, MANNERS[kind]).first())) for seed in range(MANY + 20)]
    for number in range(20):
        begin(counter, messages[number], number)
    gc.collect()
    tracemalloc.start()
    try:
        octets = sum(begin(counter, messages[number], number) for number in range(20, MANY + 20))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert counter.sessions == MANY + 20
    each, kept = taken / MANY, octets / MANY + len(build_chain([speaker.sa, speaker.me])[1])
    assert each - kept <= 8 * 1024, f"{each:.0f} octets for each, {kept:.0f} of them must be kept"


def test_f17_a_first_message_with_an_endless_identity_is_refused():
    counter = Counter(Policy((BOTH,), CHILD))
    answers = counter.receive(Speaker(1, Manners(identity=replace(GROUP, data=bytes(513)))).first())
    assert [len(data) for data in answers] == [40]
    assert counter.sessions == 0
    assert any("an identity of 513 octets" in line for line in counter.text)
