"""Every method of phase 1 in both modes, and what happens when one end proves something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.crypto import hashes
from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, PhaseOneUp
from lotor.ike.intents import Reload
from lotor.ike.questions import AskPerson, CheckLogin, DeriveSkeyid, JudgePeer, Sign
from lotor.model.algorithms import AuthMethod, Curve, Hash
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Untrusted
from lotor.model.policy import ExchangeMode, Policy, ProposalCheck, Switch
from lotor.model.reason import Cause
from lotor.model.reasons.chains import Expired
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.numbers import PayloadType
from lotor.wire.v1.payloads import CertificateRequest
from peers.world import CHILD, CLIENT, GATEWAY, connect, is_up, pair, suite_with

WITH_XAUTH = (AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_PSK, AuthMethod.XAUTH_RSA)
SIGNERS = {
    AuthMethod.HYBRID_RSA: ("gateway",),
    AuthMethod.RSA: ("client", "gateway"),
    AuthMethod.ECDSA: ("client", "gateway"),
    AuthMethod.XAUTH_RSA: ("client", "gateway"),
    AuthMethod.PSK: (),
    AuthMethod.XAUTH_PSK: (),
}


def _remotes(method: AuthMethod, mode: ExchangeMode, curve: Curve = Curve.P256, **changes):
    suite = suite_with(method, curve)
    common = {"proposals": (suite,), "exchange_modes": (mode,), **changes}
    certificates = (b"\x30\x03a-leaf" + bytes(900),)
    return {
        "gateway": replace(GATEWAY, certificates=certificates, **common),
        "client": replace(CLIENT, certificates=certificates, **common),
    }


@pytest.mark.parametrize("behind_nat", [True, False])
@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", list(AuthMethod))
def test_a_method_in_a_mode(method, mode, behind_nat):
    world, gateway, client = pair(**_remotes(method, mode, nat_traversal=Switch.ON))
    if not behind_nat:
        world.nat.clear()
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]
    for host in (client, gateway):
        signed = any(isinstance(question, Sign) for question in host.questions)
        assert signed is (host.name in SIGNERS[method])
        judged = any(isinstance(question, JudgePeer) for question in host.questions)
        assert judged is (({"client", "gateway"} - {host.name}).pop() in SIGNERS[method])
        keyed = any(isinstance(question, DeriveSkeyid) for question in host.questions)
        assert keyed is (method in (AuthMethod.PSK, AuthMethod.XAUTH_PSK))
        assert host.of(PhaseOneUp)[0].path.floated is behind_nat
    assert bool(gateway.of(LoggedIn)) is (method in WITH_XAUTH)
    assert client.of(Configured)[0].address == "10.99.99.1"
    assert client.of(ChildUp)[0].child.outbound.encryption == gateway.of(ChildUp)[0].child.inbound.encryption


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", list(AuthMethod))
def test_a_method_in_a_bad_network(method, mode):
    for seed in range(20):
        world, gateway, client = pair(seed, **_remotes(method, mode), loss=0.3, duplication=0.05, reordering=0.1)
        connect(world, client, gateway)
        assert world.run(300, lambda: is_up(client) and is_up(gateway)), (seed, [e.text() for e in client.events])  # noqa: B023


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.PSK, AuthMethod.XAUTH_PSK])
def test_another_key_admits_nobody_and_says_so(method, mode):
    world, gateway, client = pair(**_remotes(method, mode))
    client.psk = b"another key"
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert not [q for q in client.questions if isinstance(q, AskPerson)]
    assert not [q for q in gateway.questions if isinstance(q, CheckLogin)]
    told = client.of(Ended)[0].reason.text + gateway.of(Ended)[0].reason.text
    assert "pre-shared key" in told, told


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.RSA, AuthMethod.ECDSA, AuthMethod.XAUTH_RSA])
def test_a_client_whose_certificate_is_refused_gets_nothing(method, mode):
    world, gateway, client = pair(**_remotes(method, mode))
    gateway.answers[JudgePeer] = lambda _: Untrusted(Expired("CN=alice", "2025-12-31 23:59 UTC"))
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert gateway.of(Ended)[0].reason.cause is Cause.CERTIFICATE
    assert "AUTHENTICATION_FAILED" in client.of(Ended)[0].reason.text
    assert not gateway.of(Configured)
    assert not gateway.installed


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("curve", list(Curve))
def test_under_a_signature_of_ecdsa_is_the_hash_of_its_curve(curve, mode):
    """Phase 1 goes on with SHA-1 for everything else (RFC 2409 §5.1)."""
    remotes = _remotes(AuthMethod.ECDSA, mode, curve)
    world, gateway, client = pair(**remotes)
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in gateway.events]
    octets = {Curve.P256: 32, Curve.P384: 48, Curve.P521: 64}[curve]
    for host in (client, gateway):
        assert [len(hashes.signed(q.made_of)) for q in host.questions if isinstance(q, Sign)] == [octets]
        (proof,) = [q.proof for q in host.questions if isinstance(q, JudgePeer)]
        assert (len(proof.signed), proof.curve) == (octets, curve)
        assert remotes[host.name].proposals[0].hash is Hash.SHA1


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_certificates_of_two_curves_do_not_meet(mode):
    world, gateway, client = pair(
        gateway=_remotes(AuthMethod.ECDSA, mode, Curve.P384)["gateway"],
        client=_remotes(AuthMethod.ECDSA, mode, Curve.P256)["client"],
    )
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    reason = gateway.of(Ended)[0].reason
    assert reason.cause is Cause.NO_PROPOSAL
    assert "ecdsasig-p256" in reason.text
    assert "curve p256 offered, our certificate has an ECDSA key on p384" in reason.text
    assert client.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_mode_that_is_not_configured_is_not_answered(mode):
    remotes = _remotes(AuthMethod.HYBRID_RSA, mode)
    other = next(one for one in ExchangeMode if one is not mode)
    remotes["gateway"] = replace(remotes["gateway"], exchange_modes=(other,))
    world, gateway, client = pair(**remotes)
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.NO_ANSWER
    assert not gateway.sent


def test_the_block_whose_proposals_and_identity_fit_is_the_one():
    remotes = _remotes(AuthMethod.XAUTH_PSK, ExchangeMode.AGGRESSIVE)
    group = Identity(IdKind.KEY_ID, b"sales")
    remotes["client"] = replace(remotes["client"], my_identity=group)
    engineers = replace(
        remotes["gateway"],
        name="engineers",
        verify_identifier=True,
        peers_identifiers=(IdentityPattern(IdKind.KEY_ID, "engineers"),),
    )
    sales = replace(engineers, name="sales", peers_identifiers=(IdentityPattern(IdKind.KEY_ID, "sales"),))
    world, gateway, client = pair(**remotes)
    policy = Policy((GATEWAY, engineers, sales), CHILD)
    world.do(gateway, gateway.endpoint.command(Reload(policy), world.now))
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in gateway.events]
    asked = [q.request.remote for q in gateway.questions if isinstance(q, DeriveSkeyid)]
    assert asked == ["sales"]


def _met(mode: ExchangeMode, client, *blocks) -> str:
    """The block by which a gateway with these met a client: that whose key it signed with."""
    world, gateway, person = pair(client=client)
    world.do(gateway, gateway.endpoint.command(Reload(Policy(blocks, CHILD)), world.now))
    connect(world, person, gateway)
    assert world.run(20, lambda: is_up(person) and is_up(gateway)), [e.text() for e in gateway.events]
    (signed,) = {q.remote for q in gateway.questions if isinstance(q, Sign)}
    assert {q.proof.remote for q in gateway.questions if isinstance(q, JudgePeer)} <= {signed}
    (proof,) = [q.proof for q in person.questions if isinstance(q, JudgePeer)]
    assert proof.identity.data == signed.encode(), "the identity of another block"
    return signed


def _blocks(method: AuthMethod, mode: ExchangeMode, *names: str, **changes):
    gateway = _remotes(method, mode, **changes)["gateway"]
    return [
        replace(gateway, name=name, my_identity=Identity(IdKind.FQDN, name.encode()), issuers=(f"CA {name}".encode(),))
        for name in names
    ]


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.RSA, AuthMethod.HYBRID_RSA, AuthMethod.ECDSA])
def test_the_block_whose_certificate_is_asked_for_is_the_one(method, mode):
    client = _remotes(method, mode)["client"]
    first, second, third = _blocks(method, mode, "first", "second", "third")
    third = replace(third, match_empty_cr=True)
    for asked, met in (
        ((b"CA first",), "first"),
        ((b"CA second",), "second"),
        ((b"CA other", b"CA third"), "third"),
        ((b"CA other",), "first"),
        ((), "third"),  # an empty name
    ):
        found = _met(mode, replace(client, authority_names=asked), first, second, third)
        assert (asked, found) == (asked, met)
    silent = replace(client, send_cr=False)
    assert _met(mode, silent, first, second, third) == "first"
    assert _met(mode, replace(client, authority_names=()), first, second) == "first"


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_request_does_not_outweigh_a_name(mode):
    client = replace(
        _remotes(AuthMethod.RSA, mode)["client"],
        authority_names=(b"CA everybody",),
        my_identity=Identity(IdKind.FQDN, b"alice"),
    )
    everybody, alice, bob = _blocks(AuthMethod.RSA, mode, "everybody", "alice", "bob")
    known = {"verify_identifier": True}
    alice = replace(alice, peers_identifiers=(IdentityPattern(IdKind.FQDN, "alice"),), **known)
    bob = replace(bob, peers_identifiers=(IdentityPattern(IdKind.FQDN, "bob"),), **known)
    assert _met(mode, client, everybody, bob, alice) == "alice"
    stranger = replace(client, my_identity=Identity(IdKind.FQDN, b"carol"))
    assert _met(mode, stranger, bob, alice, everybody) == "everybody"


def _refused(client, *blocks) -> str:
    world, gateway, person = pair(client=client)
    world.do(gateway, gateway.endpoint.command(Reload(Policy(blocks, CHILD)), world.now))
    connect(world, person, gateway)
    assert world.run(20, lambda: bool(gateway.of(Ended)))
    return gateway.of(Ended)[0].reason.text


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_refusal_names_what_every_block_wants_and_how_near_the_offer_came(mode):
    keyed, hybrid = (_remotes(method, mode)["gateway"] for method in (AuthMethod.PSK, AuthMethod.HYBRID_RSA))
    client = _remotes(AuthMethod.HYBRID_RSA, mode)["client"]
    client = replace(client, proposals=(replace(client.proposals[0], lifetime=99999),))
    strict = replace(hybrid, name="hybrid", proposal_check=ProposalCheck.STRICT)
    other = replace(keyed, proposals=(replace(keyed.proposals[0], hash=Hash.SHA256),))
    told = _refused(client, other, strict)
    assert "wanted aes-128/sha256/modp1024, aes-128/sha1/modp1024" in told
    assert "(lifetime 99999 s offered, at most 28800 s allowed by proposal_check strict)" in told


def test_a_refusal_for_the_name_goes_before_one_for_the_proposal():
    mode = ExchangeMode.AGGRESSIVE
    client = replace(_remotes(AuthMethod.RSA, mode)["client"], my_identity=Identity(IdKind.FQDN, b"carol"))
    other = _remotes(AuthMethod.PSK, mode)["gateway"]
    (alice,) = _blocks(AuthMethod.RSA, mode, "alice")
    alice = replace(alice, peers_identifiers=(IdentityPattern(IdKind.FQDN, "alice"),), verify_identifier=True)
    assert "carol is none of the peers_identifiers of remote alice" in _refused(client, other, alice)


def test_in_main_mode_only_blocks_that_take_what_was_chosen_are_looked_at():
    mode = ExchangeMode.MAIN
    client = replace(_remotes(AuthMethod.RSA, mode)["client"], authority_names=(b"CA second",))
    first, second = _blocks(AuthMethod.RSA, mode, "first", "second")
    longer = replace(second.proposals[0], lifetime=99999)
    assert _met(mode, client, first, replace(second, proposals=(longer,))) == "second"
    other = replace(second.proposals[0], hash=Hash.MD5)
    assert _met(mode, client, first, replace(second, proposals=(other,))) == "first"


@pytest.mark.parametrize("method", [AuthMethod.PSK, AuthMethod.XAUTH_PSK])
def test_in_main_mode_a_name_does_not_move_who_has_a_shared_key(method):
    """The key was looked up for the first block: the name that comes afterwards is no more than a claim."""
    remotes = _remotes(method, ExchangeMode.MAIN)
    gateway, client = remotes["gateway"], replace(remotes["client"], my_identity=Identity(IdKind.FQDN, b"alice"))
    blocks = [
        replace(gateway, name=name, verify_identifier=True, peers_identifiers=(IdentityPattern(IdKind.FQDN, name),))
        for name in ("bob", "alice")
    ]
    world, server, person = pair(client=client)
    world.do(server, server.endpoint.command(Reload(Policy(tuple(blocks), CHILD)), world.now))
    connect(world, person, server)
    assert world.run(200, lambda: bool(server.of(Ended)))
    assert "none of the peers_identifiers of remote bob" in server.of(Ended)[0].reason.text
    assert not server.installed


def test_in_main_mode_an_identity_that_no_block_knows_gets_nothing():
    mode = ExchangeMode.MAIN
    (alice,) = _blocks(AuthMethod.RSA, mode, "alice")
    alice = replace(alice, peers_identifiers=(IdentityPattern(IdKind.FQDN, "alice"),), verify_identifier=True)
    world, gateway, client = pair(client=_remotes(AuthMethod.RSA, mode)["client"], gateway=alice)
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(gateway.of(Ended)))
    assert "none of the peers_identifiers of remote alice" in gateway.of(Ended)[0].reason.text
    assert not [q for q in gateway.questions if isinstance(q, JudgePeer | Sign)]


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.PSK, AuthMethod.RSA])
def test_where_addresses_are_given_nobody_brings_one(method, mode):
    """Else a peer could name itself by the address of a colleague, and get the colleague's traffic."""
    remotes = _remotes(method, mode)
    remotes["client"] = replace(remotes["client"], mode_cfg=False)
    world, gateway, client = pair(**remotes)
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(gateway)), "a gateway that gives no addresses lets peers bring theirs"
    remotes["gateway"] = replace(remotes["gateway"], mode_cfg=True)
    world, gateway, client = pair(**remotes)
    connect(world, client, gateway)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert not gateway.installed
    assert not gateway.of(ChildUp)


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.RSA, AuthMethod.HYBRID_RSA])
@pytest.mark.parametrize("sends", [True, False])
def test_send_cert_and_send_cr(method, mode, sends):
    """What is not sent the peer must have already; what is not asked for comes all the same."""
    remotes = _remotes(method, mode, send_cert=sends, send_cr=sends)
    world, gateway, client = pair(**remotes)
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in gateway.events]
    proofs = [q.proof for host in (client, gateway) for q in host.questions if isinstance(q, JudgePeer)]
    assert [bool(proof.chain) for proof in proofs] == [sends] * len(SIGNERS[method])
    clear = [data for _, _, _, data in world.wire if data[18] in (2, 4) and not data[19] & 1]
    first = [parse_chain(data[16], data[28:]) for data in clear if data[16] == PayloadType.SA]
    asked = [chain for chain in first if chain.all(CertificateRequest)]
    assert bool(asked) is (sends and mode is ExchangeMode.AGGRESSIVE)
