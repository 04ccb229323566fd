"""Checks before work: what a stranger's first message may cost is counted in comparisons, texts and key pairs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import pytest

from lotor.crypto import curves, modp
from lotor.crypto.groups import check_public, key_pair
from lotor.ike.errors import PolicyRefusal
from lotor.ike.events import Offered
from lotor.ike.v1 import choose, offers
from lotor.model.algorithms import Cipher, Curve, EspSuite, Group, Hash, Integrity
from lotor.model.identity import Identity, IdKind
from lotor.model.policy import ChildPolicy, ExchangeMode, Policy, ProposalCheck
from lotor.wire import distinguished
from lotor.wire.distinguished import name_parts
from lotor.wire.errors import Malformed
from lotor.wire.v1 import attributes, proposals
from lotor.wire.v1.association import MOST_OF_TRANSFORM, MOST_TRANSFORMS, Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, parse_chain
from lotor.wire.v1.numbers import IkeAttribute
from lotor.wire.v1.payloads import Attributes
from lotor.wire.v1.proposals import esp_transform, ike_transform
from peers.counter import Counter
from peers.speaker import I, Manners, Speaker
from peers.world import CHILD, GATEWAY, SUITE, CheapRandomness

STRONG = tuple(
    replace(SUITE, key_bits=bits, hash=hashing)
    for bits, hashing in product((256, 192, 128), (Hash.SHA512, Hash.SHA384, Hash.SHA256, Hash.SHA1))
)
THREE = tuple(replace(GATEWAY, name=name, proposals=STRONG) for name in ("one", "two", "three"))


@pytest.fixture
def counted(monkeypatch):
    """How often things were done."""
    done: dict[str, int] = {}

    def count(place, name):
        honest = getattr(place, name)

        def counting(*args, **named):
            done[name] = done.get(name, 0) + 1
            return honest(*args, **named)

        monkeypatch.setattr(place, name, counting)

    count(offers.Alike, "misfit")
    count(proposals, "_ike_text")
    count(proposals.IkeWords, "suite")
    return done


def _transforms(count: int, *suites) -> tuple[Transform, ...]:
    """Each with a lifetime of its own: none is like another."""
    return tuple(
        ike_transform(number % 256, replace(suites[number % len(suites)], lifetime=90000 + number))
        for number in range(count)
    )


def _meet(transforms, remotes=THREE) -> tuple[Counter, list[bytes]]:
    counter = Counter(Policy(remotes, CHILD))
    return counter, counter.receive(Speaker(manners=Manners(transforms=transforms)).first())


def test_f5_offers_with_other_algorithms_are_compared_with_nothing(counted):
    wrong = [replace(SUITE, cipher=Cipher.CAMELLIA_CBC, hash=each, group=Group.MODP2048) for each in Hash]
    counter, _ = _meet(_transforms(MOST_TRANSFORMS - 12, *wrong))
    assert not counter.sessions
    assert any("cipher differs" in line for line in counter.text)
    assert counted.get("misfit", 0) == 0
    assert counted["suite"] == len(Hash), "algorithms are looked at once, whatever blocks and lifetimes there are"
    assert counted["_ike_text"] <= len(Hash) + 4


def test_a4_offers_that_almost_fit_cost_one_text(counted):
    """All have the right algorithms; nothing but the lifetime does not fit."""
    strict = tuple(replace(each, proposal_check=ProposalCheck.STRICT) for each in THREE)
    counter, _ = _meet(_transforms(MOST_TRANSFORMS - 12, STRONG[0]), strict)
    assert any("lifetime 90000 s offered, at most 28800 s" in line for line in counter.text)
    same_algorithms = sum((each.cipher, each.hash) == (STRONG[0].cipher, STRONG[0].hash) for each in STRONG)
    assert 0 < counted["misfit"] <= (len(THREE) + 1) * same_algorithms
    assert counted["_ike_text"] <= 5


def test_f5_longer_lists_than_any_client_sends_are_not_read(counted):
    _, answers = _meet(_transforms(MOST_TRANSFORMS + 1, SUITE))
    assert not answers
    assert not counted
    usual = ike_transform(1, SUITE).attributes
    more = tuple(Attribute.tv(100 + number, 0) for number in range(MOST_OF_TRANSFORM + 1 - len(usual)))
    _, answers = _meet((Transform(1, 1, (*usual, *more)),))
    assert not answers
    assert not counted


def test_f5_the_longest_list_of_a_real_client_is_taken():
    """Shrew in main mode with everything on auto: 9 ciphers, 5 hashes, 4 groups; the last of them is ours."""
    ciphers = [(Cipher.AES_CBC, bits) for bits in (256, 192, 128)] + [(Cipher.BLOWFISH_CBC, 128 + n) for n in range(5)]
    rows = product([*ciphers, (Cipher.TRIPLE_DES_CBC, 0)], list(Hash), (Group.MODP2048, Group.MODP1536) * 2)
    listed = [replace(SUITE, cipher=cipher, key_bits=bits, hash=h, group=g) for (cipher, bits), h, g in rows]
    transforms = tuple(ike_transform(number, each) for number, each in enumerate([*listed[:-1], SUITE]))
    main = replace(GATEWAY, exchange_modes=(ExchangeMode.MAIN,))
    counter = Counter(Policy((main,), CHILD))
    first = Speaker(manners=Manners(transforms=transforms, main=True)).first()
    assert len(transforms) == 180
    assert len(first) < 8192
    assert counter.receive(first)
    assert counter.sessions == 1


def test_f5_the_first_that_fits_our_first_wish_is_chosen():
    """As before they were looked up: by our order, then by theirs; keys that are longer fit, too."""
    wishes = (replace(SUITE, key_bits=192), replace(SUITE, hash=Hash.SHA256))
    found = offers.IkeOffers(
        _sa(replace(SUITE, hash=Hash.SHA256), SUITE, replace(SUITE, key_bits=256), replace(SUITE, key_bits=192))
    )
    assert found.fitting(ProposalCheck.CLAIM, wishes[0]).suite.key_bits == 256
    assert found.fitting(ProposalCheck.EXACT, wishes[0]).suite.key_bits == 192
    assert found.fitting(ProposalCheck.OBEY, wishes[0]).suite.key_bits == 128
    assert found.fitting(ProposalCheck.CLAIM, replace(SUITE, group=Group.MODP2048)) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cipher": Cipher.CAMELLIA_CBC}, "cipher differs"),
        ({"hash": Hash.MD5}, "hash differs"),
        ({"group": Group.MODP8192}, "group differs"),
        ({"method": "other"}, "method differs"),
        ({"key_bits": 256}, "key length 128 offered, 256 wanted"),
        ({"lifetime": 100}, "lifetime 28800 s offered, at most 100 s allowed by proposal_check strict"),
    ],
)
def test_f5_the_nearest_miss_is_told(change, told):
    if "method" in change:
        change = {"method": next(each for each in type(SUITE.method) if each is not SUITE.method)}
    far = replace(SUITE, cipher=Cipher.BLOWFISH_CBC, hash=Hash.SHA512)
    wishes = [(ProposalCheck.STRICT, replace(SUITE, **change))]
    assert offers.IkeOffers(_sa(far, SUITE, far)).misfit(wishes).detail == told
    assert offers.IkeOffers(_sa()).misfit(wishes) is None
    odd = Transform(1, 1, (Attribute.tv(IkeAttribute.ENCRYPTION, 99),))
    assert offers.IkeOffers(_sa(odd)).misfit(wishes) == offers.UNKNOWN


def test_f5_the_curve_is_told():
    ours, theirs = (replace(SUITE, method=type(SUITE.method).ECDSA, curve=curve) for curve in (Curve.P256, Curve.P384))
    found = offers.IkeOffers(_sa(theirs)).misfit([(ProposalCheck.OBEY, ours)])
    assert found.detail == "curve p384 offered, our certificate has an ECDSA key on p256"


def _sa(*suites):
    rows = tuple(each if isinstance(each, Transform) else ike_transform(1, each) for each in suites)
    return SecurityAssociation((Proposal(1, 1, b"", rows),))


def test_f5_offers_of_phase_2_are_looked_up_too(monkeypatch):
    compared, honest = [], choose._esp_misfit
    monkeypatch.setattr(choose, "_esp_misfit", lambda *args: compared.append(1) or honest(*args))
    child = ChildPolicy(tuple(EspSuite(Cipher.AES_CBC, bits, Integrity.HMAC_SHA1) for bits in (128, 192, 256)))
    wrong = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1)
    rows = tuple(
        esp_transform(number, wrong, group=None, encapsulation=3, lifetime=3600 + number) for number in range(180)
    )
    offer = SecurityAssociation((Proposal(1, 3, b"1234", rows),))
    with pytest.raises(PolicyRefusal, match="cipher differs"):
        choose.esp_choice(ProposalCheck.EXACT, child, offer, udp=True)
    assert not compared


# -- before a key pair is made ----------------------------------------------------------------------------------------


class Thrifty(CheapRandomness):
    """Tells for which groups key pairs were made."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.made: list[Group] = []

    def key_pair(self, group: Group):
        self.made.append(group)
        return super().key_pair(group)


def _thrifty(*remotes) -> tuple[Counter, Thrifty]:
    counter = Counter(Policy(remotes, CHILD))
    counter.host.randomness = Thrifty(3)
    counter.endpoint._context.randomness = counter.host.randomness
    return counter, counter.host.randomness


GROUPS = (Group.MODP1024, Group.MODP4096, Group.ECP256, Group.ECP521, Group.CURVE25519)


def _wrong_values(group: Group) -> list[bytes]:
    size = len(key_pair(group).public)
    right = key_pair(group).public
    values = [b"", right[1:], right + b"\0", bytes(size), bytes(size - 1) + b"\1"]
    if group in modp.GROUPS:
        values += [(modp.prime(group) - less).to_bytes(size, "big") for less in (0, 1)] + [b"\xff" * size]
    elif group is Group.CURVE25519:
        values += [number.to_bytes(32, "little") for number in curves._OF_SMALL_ORDER]
        values += [(number | 1 << 255).to_bytes(32, "little") for number in curves._OF_SMALL_ORDER]
        values.remove(bytes(31) + b"\1")
    return values


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("main", [False, True])
def test_f4_a_public_value_that_is_none_costs_no_key_pair(group, main):
    suite = replace(SUITE, group=group)
    mode = ExchangeMode.MAIN if main else ExchangeMode.AGGRESSIVE
    remote = replace(GATEWAY, proposals=(suite,), exchange_modes=(mode,))
    for value in _wrong_values(group):
        counter, randomness = _thrifty(remote)
        speaker = Speaker(manners=Manners(transforms=(ike_transform(1, suite),), main=main))
        speaker._first_pair = SimpleNamespace(public=value)
        speaker.randomness.key_pair = lambda _, value=value: SimpleNamespace(public=value)
        answers = counter.receive(speaker.first())
        if main:
            answers = counter.receive(speaker.main_third(answers[0]))
        assert [data[18] for data in answers] == [I], "a refusal"
        assert not randomness.made
        assert not counter.sessions
    counter, randomness = _thrifty(remote)
    speaker = Speaker(manners=Manners(transforms=(ike_transform(1, suite),), main=main))
    answers = counter.receive(speaker.first())
    if main:
        answers = counter.receive(speaker.main_third(answers[0]))
    assert answers
    assert randomness.made == [group]


@pytest.mark.parametrize("size", [0, 1, 7, 257, 5000])
@pytest.mark.parametrize("main", [False, True])
def test_f4_a_nonce_of_a_wrong_size_costs_no_key_pair_and_no_answer(size, main):
    counter, randomness = _thrifty(replace(GATEWAY, exchange_modes=tuple(ExchangeMode)))
    speaker = Speaker(manners=Manners(main=main, nonce=size))
    answers = counter.receive(speaker.first())
    if main:
        answers = counter.receive(speaker.main_third(answers[0]))
    assert not answers
    assert not randomness.made


@pytest.mark.parametrize("group", GROUPS)
def test_f4_what_the_check_lets_through_can_be_agreed_on(group):
    """And what it does not is what `agree` refuses."""
    pair = key_pair(group)
    check_public(group, key_pair(group).public)
    assert pair.agree(key_pair(group).public)
    for value in _wrong_values(group):
        with pytest.raises(ValueError, match="public value"):
            check_public(group, value)
        with pytest.raises(ValueError, match="public value"):
            pair.agree(value)


# -- other lists that a stranger may fill -----------------------------------------------------------------------------


def test_a21_a_message_has_one_list_of_each_kind(monkeypatch):
    """They are read before anybody knows whether the message has a place for them."""
    read, honest = [], attributes._short
    monkeypatch.setattr(attributes, "_short", lambda *args: read.append(1) or honest(*args))
    sa = _sa(*[SUITE] * 3)
    configuration = Attributes(1, 0, (Attribute.tv(1, 0),) * 256)
    for each, count in ((sa, 3 * 7), (configuration, 256)):
        read.clear()
        with pytest.raises(Malformed, match=r"a second (SA|ATTRIBUTES) payload"):
            parse_chain(*build_chain([each] * 60))
        assert len(read) == count


def test_a21_proposals_of_more_octets_than_any_client_sends_are_not_read(monkeypatch):
    monkeypatch.setattr(attributes, "_short", pytest.fail)
    long = Transform(1, 1, (Attribute.tlv(1, bytes(5000)), Attribute.tv(1, 7)))
    with pytest.raises(Malformed, match="proposals of 100"):
        parse_chain(*build_chain([_sa(long, long)]))


@pytest.mark.parametrize("size", [1025, 4000, 7000])
def test_a21_a_long_identity_has_no_answer(size):
    counter, randomness = _thrifty(GATEWAY)
    speaker = Speaker(manners=Manners(identity=Identity(IdKind.DER_ASN1_DN, bytes(size))))
    assert not counter.receive(speaker.first())
    assert not randomness.made
    assert not counter.host.of(Offered)


@pytest.mark.parametrize("together", [False, True])
def test_a21_a_name_of_many_parts_is_not_read_to_its_end(together, monkeypatch):
    """Whether each is a part of its own or all are in one."""
    read, honest = [], distinguished._pair
    monkeypatch.setattr(distinguished, "_pair", lambda octets: read.append(1) or honest(octets))
    pair = bytes.fromhex("3008 0603550403 0c01 61")
    parts = b"\x31\x82" + (len(pair) * 80).to_bytes(2, "big") + pair * 80 if together else (b"\x31\x0a" + pair) * 80
    with pytest.raises(Malformed, match="distinguished name"):
        name_parts(b"\x30\x82" + len(parts).to_bytes(2, "big") + parts)
    assert len(read) == 64
