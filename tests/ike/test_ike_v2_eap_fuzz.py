"""Broken packets of EAP and of what stands inside of its TLS, in whole logins, from either end.

`make fuzz-eap` tries more of them than the test suite does.
"""

from __future__ import annotations

import os
import random
import struct

import pytest

from lotor.ike.errors import Refusal
from lotor.ike.questions import AcquireConfiguration, StepTls
from lotor.ike.v2.denied import Denied
from lotor.model.algorithms import EapMethod, Within
from lotor.model.secret import Secret
from lotor.wire.eap.tls import LONGEST_MESSAGE, MOST_PIECES, Assembly, Piece
from lotor.wire.errors import Malformed
from lotor.wire.v2.payloads import Eap
from peers.tls import ALICE, is_eap, on_tls

MUTATIONS = int(os.environ.get("LOTOR_EAP_MUTATIONS", "6"))
"""Of each method, at each end and each layer."""
METHODS = {
    "mschapv2": ((EapMethod.MSCHAPV2,), {}),
    "gtc": ((EapMethod.GTC,), {}),
    "tls": ((EapMethod.TLS,), {"shows": ALICE}),
    "ttls": ((EapMethod.TTLS,), {}),
    "pap": ((EapMethod.TTLS,), {"within": Within.PAP}),
    "peap": ((EapMethod.PEAP,), {}),
}
TURNS = {"mschapv2": 3, "gtc": 2}
"""Packets of a client; methods on TLS have some more."""
EDGES = (
    0,
    1,
    2,
    4,
    7,
    8,
    11,
    12,
    0xFF,
    LONGEST_MESSAGE - 1,
    LONGEST_MESSAGE,
    LONGEST_MESSAGE + 1,
    1 << 24,
    (1 << 32) - 1,
)


# --- mutations -------------------------------------------------------------------------------------------------------


def flipped(dice: random.Random, octets: bytes) -> bytes:
    changed = bytearray(octets or b"\0")
    for _ in range(dice.choice((1, 1, 2, 8))):
        changed[dice.randrange(len(changed))] = dice.choice((0, 1, 0x20, 0x40, 0x80, 0xC0, 0xFF, dice.randrange(256)))
    return bytes(changed)


def cut(dice: random.Random, octets: bytes) -> bytes:
    return octets[: dice.randrange(len(octets) + 1)]


def longer(dice: random.Random, octets: bytes) -> bytes:
    return octets + dice.choice((bytes(1), bytes(3), octets, dice.randbytes(dice.choice((1, 7, 900)))))


def numbered(dice: random.Random, octets: bytes) -> bytes:
    """Another length somewhere: of a flight, an AVP, a TLV."""
    form = dice.choice(("!B", "!H", "!I"))
    size = struct.calcsize(form)
    at = dice.randrange(max(1, min(len(octets), 24) - size))
    value = dice.choice((*EDGES, len(octets), len(octets) - 1)) & (256**size - 1)
    return octets[:at] + struct.pack(form, value) + octets[at + size :]


def nothing(_: random.Random, __: bytes) -> bytes:
    return b""


CHANGES = (flipped, flipped, flipped, cut, longer, numbered, numbered, nothing)


def packet(dice: random.Random, octets: bytes) -> bytes:
    """Another packet of EAP, whose own length is right most times, so that what is inside is looked at."""
    head, data = bytearray(octets[:5]), octets[5:]
    if dice.random() < 0.15:
        head = bytearray(flipped(dice, bytes(head)))
    elif len(octets) > 5 and dice.random() < 0.4:
        data = flagged(dice, data)
    else:
        data = dice.choice(CHANGES)(dice, data)
    whole = bytearray(head + data)
    if len(whole) >= 4 and dice.random() < 0.95:
        whole[2:4] = (len(whole) & 0xFFFF).to_bytes(2)
    return bytes(whole)


def flagged(dice: random.Random, data: bytes) -> bytes:
    """Other flags, versions and totals of a piece of TLS: pieces without end, begun anew, of nothing."""
    flags = dice.choice((0x00, 0x20, 0x40, 0x80, 0x60, 0xC0, 0xE0, 0x01, 0x41, 0x18, 0xFF))
    total = dice.choice((*EDGES, len(data), len(data) - 1)).to_bytes(4) if flags & 0x80 else b""
    return bytes([flags]) + total + dice.choice((data[1:], b"", data[1:20]))


# --- whole logins ----------------------------------------------------------------------------------------------------


def broken_outside(said, who: str, dice: random.Random, turns: int) -> None:
    """One or all packets of an end from a turn on are others, or said again."""
    first, all_ = dice.randrange(turns + 1), dice.random() < 0.2
    seen: list[bytes] = []

    def other(octets: bytes) -> bytes:
        if seen and dice.random() < 0.15:
            return dice.choice(seen)
        return packet(dice, octets)

    def change(name, number, payloads):
        if name != who or number < first or (number > first and not all_):
            seen.extend(each.packet for each in payloads if is_eap(each) and len(seen) < 100)
            return payloads
        return tuple(Eap(other(each.packet)) if is_eap(each) else each for each in payloads)

    said.change = change


def broken_inside(said, who: str, dice: random.Random, turns: int) -> None:
    """What an end says within its TLS."""
    end = said.gateway if who == "gateway" else said.client
    steps, left = end.answers[StepTls], [dice.randrange(min(turns, 3))]

    def step(asked: StepTls):
        if asked.inside:
            left[0] -= 1
            if left[0] < 0:
                within = dice.choice(CHANGES)(dice, asked.inside.reveal())
                asked = StepTls(asked.session, asked.terms, asked.octets, Secret(within))
        return steps(asked)

    end.answers[StepTls] = step


def told(end) -> bool:
    """Whether it ended by something that is declared, if it ended."""
    return end.failed is None or isinstance(end.failed, Refusal | Denied | Malformed)


def sound(said, seed: str) -> None:
    for end in (said.client, said.gateway):
        assert told(end), (seed, end.failed)
    up = said.gateway.session.gates.all_open(), said.client.session.gates.all_open()
    assert not up[1] or up[0], f"{seed}: the client is up, and the gateway is not"
    given = said.gateway.asked(AcquireConfiguration)
    assert not given or said.gateway.session.user in {"alice", ALICE}, seed
    seen = b"".join(each.packet for _, parts in said.said for each in parts if is_eap(each))
    plain = said.gateway.session.terms.eap == (EapMethod.GTC,)
    assert plain or b"wonderland" not in seen, seed


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize("name", METHODS)
def test_broken_packets(name, who):
    for number in range(MUTATIONS):
        seed = f"{name} {who} {number}"
        dice, (methods, options) = random.Random(seed), METHODS[name]
        said = on_tls(*methods, **options)
        broken_outside(said, who, dice, TURNS.get(name, 6))
        sound(said.run(), seed)


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize("name", ["ttls", "pap", "peap", "tls"])
def test_broken_words_inside_of_tls(name, who):
    for number in range(MUTATIONS):
        seed = f"inside {name} {who} {number}"
        dice, (methods, options) = random.Random(seed), METHODS[name]
        said = on_tls(*methods, **options)
        broken_inside(said, who, dice, 6)
        sound(said.run(), seed)


# --- flights in pieces -----------------------------------------------------------------------------------------------


def test_no_order_of_pieces_fills_the_memory():
    """Each flight that is put together has the length that was said; nothing that is held is longer than one may be."""
    wholes = 0
    for number in range(50 * MUTATIONS):
        dice, assembly = random.Random(f"pieces {number}"), Assembly()
        size = dice.choice((0, 1, 16, 1024, 4000))
        total = dice.choice((size, 2 * size, 10 * size, LONGEST_MESSAGE, LONGEST_MESSAGE + 1))
        for _ in range(2 * MOST_PIECES):
            flags = dice.choice((0x40, 0x40, 0x40, 0xC0, 0xC0, 0x80, 0x00, 0x20))
            said = dice.choice((total, total, total, size, 0)).to_bytes(4) if flags & 0x80 else b""
            try:
                whole = assembly.add(Piece.decode(bytes([flags]) + said + bytes(dice.choice((size, size, 0, 1)))))
            except Malformed:
                break
            assert sum(map(len, assembly._parts)) <= LONGEST_MESSAGE
            assert len(assembly._parts) <= MOST_PIECES
            if whole is not None:
                wholes += 1
                assert len(whole) <= max(LONGEST_MESSAGE, size)
    assert wholes > MUTATIONS
