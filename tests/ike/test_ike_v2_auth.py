"""IKE_AUTH of both ends against each other: who proves what to whom, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address, IPv6Interface, ip_network

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from lotor.ike.errors import LocalFault, Refusal
from lotor.ike.events import Configured, Dropped, Judged, LoggedIn, LoginRefused
from lotor.ike.gates import Gate
from lotor.ike.questions import (
    AcquireConfiguration,
    AdmitConfiguration,
    AskPerson,
    CheckLogin,
    CheckMschap,
    Install,
    JudgePeer,
    KeyedAuth,
    RelayEap,
    SignAuth,
)
from lotor.ike.v2 import configuration
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap import client, relay
from lotor.model.algorithms import Cipher, EapMethod, EspSuite, Proving, SignatureScheme
from lotor.model.child import Child
from lotor.model.eap import EapAccepted, EapRefused, EapRequest
from lotor.model.grants import Grants
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Failure, Signature, Untrusted
from lotor.model.login import Accepted, Challenge, Credentials, Declined, Refused
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import ChildPolicy, ChildRule, Policy
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import EngineFault
from lotor.model.reasons.logins import (
    Busy,
    NoAddressThere,
    NobodyAnswers,
    NoVerdict,
    RefusedThere,
    RefusedWithWords,
    ServerRefused,
    WrongPassword,
)
from lotor.model.reasons.proofs import (
    ChildRefused,
    EapBroken,
    LoginBeforeProof,
    MethodNotAgreed,
    NoCommonMethod,
    OtherProofKey,
    PairProposalRefused,
    PasswordUnknownThere,
    SelectorsNotAsked,
    SelectorsUnacceptable,
    WayNotAllowed,
)
from lotor.model.reasons.proposals import NoProposal
from lotor.model.reasons.protocol import (
    AskedTooOften,
    IdentityNotAllowed,
    NoAddressAsked,
    OtherKey,
    UnusableConfiguration,
)
from lotor.model.secret import Secret
from lotor.wire.eap import packet
from lotor.wire.eap.packet import Type, method_name
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import (
    Authentication,
    Certificate,
    Configuration,
    Eap,
    Identification,
    Notification,
    TrafficSelectors,
    VendorId,
)
from peers.auth import client_policy, exhausted, gateway_policy, own, talk
from peers.world import CHILD, CONFIGURATION

KEYED = {"local": Proving.SHARED_KEY, "peer": (Proving.SHARED_KEY,)}
SIGNED = {"local": Proving.CERTIFICATE, "peer": (Proving.CERTIFICATE,)}


def notes(payloads) -> list[int]:
    return [each.type for each in payloads if isinstance(each, Notification)]


def kinds(payloads) -> list[str]:
    return [type(each).__name__ for each in payloads]


def without(kind):
    return lambda payloads: tuple(each for each in payloads if not isinstance(each, kind))


def changing(who, turn, how):
    """A `change` of one message."""
    return lambda sender, number, payloads: how(payloads) if (sender, number) == (who, turn) else payloads


def forged(payloads):
    return tuple(
        Authentication(each.method, bytes([each.data[0] ^ 1]) + each.data[1:])
        if isinstance(each, Authentication)
        else each
        for each in payloads
    )


def reason(end):
    return end.failed.reason


def nothing_came_of_it(said) -> bool:
    """No address, no SA pair, no open gate at the gateway."""
    gateway = said.gateway
    asked = gateway.asked(AcquireConfiguration) + gateway.asked(Install)
    return not asked and not gateway.session.gates.all_open() and not gateway.session.user


def both_up(said) -> tuple[Child, Child]:
    """The SA pair at the client and at the gateway."""
    assert (said.client.failed, said.gateway.failed) == (None, None)
    here, there = (next(iter(each.session.children)).child for each in (said.client, said.gateway))
    assert (here.inbound, here.outbound) == (there.outbound, there.inbound)
    assert (here.local_networks, here.remote_networks) == (there.remote_networks, there.local_networks)
    assert said.gateway.session.gates.all_open()
    assert said.client.session.gates.all_open()
    return here, there


# --- every way up ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [EapMethod.MSCHAPV2, EapMethod.GTC])
def test_a_login_by_a_password(method):
    said = talk(gateway_policy(eap=(method,))).run()
    child, _ = both_up(said)
    assert child.local_networks == (ip_network("10.99.99.1/32"),)
    assert [each.user for each in said.gateway.of(LoggedIn)] == ["alice"]
    assert said.gateway.session.user == said.client.session.user == "alice"
    assert len(said.gateway.of(Configured)) == len(said.client.of(Configured)) == 1


def test_the_payloads_of_a_login_stand_where_clients_look_for_them():
    said = talk().run().said
    assert kinds(said[1][1]) == ["Identification", "Certificate", "Authentication", "Eap"]
    assert kinds(said[-1][1])[:5] == [
        *("Authentication", "Configuration", "SecurityAssociation", "TrafficSelectors", "TrafficSelectors"),
    ]
    assert not any(isinstance(each, Authentication) for each in said[0][1])
    assert NotifyType.MOBIKE_SUPPORTED in notes(said[-1][1])


def test_a_certificate_of_the_client_needs_no_login():
    client = replace(client_policy(**SIGNED), **own())
    said = talk(gateway_policy(peer=(Proving.EAP, Proving.CERTIFICATE)), replace(client, mode_cfg=False)).run()
    both_up(said)
    assert said.gateway.session.user.endswith("CN=gw.example.org")
    assert len(said.said) == 2
    assert not said.gateway.of(LoggedIn)


HOST, SUBJECT = Identity(IdKind.FQDN, b"alice"), Identity(IdKind.DER_ASN1_DN, b"\x30\x00")
MAIL = Identity(IdKind.USER_FQDN, b"alice@example.org")


@pytest.mark.parametrize(("certified", "shown"), [((HOST, SUBJECT), SUBJECT), ((HOST, MAIL, SUBJECT), MAIL)])
def test_a_client_with_a_certificate_shows_a_name_that_any_gateway_finds_in_it(certified, shown):
    """A common name may stand for that of a host, but strongSwan looks for no host there."""
    shown_by = OwnCertificate((b"leaf",), (SignatureScheme.RSA_SHA256,), certified)
    client = replace(client_policy(**SIGNED), own=(shown_by,), mode_cfg=False)
    said = talk(gateway_policy(peer=(Proving.CERTIFICATE,)), client).run()
    both_up(said)
    assert next(each for each in said.said[0][1] if isinstance(each, Identification)).identity == shown


def test_a_shared_key_proves_both_ends():
    gateway = replace(gateway_policy(**KEYED | {"local": Proving.CERTIFICATE}), mode_cfg=True)
    said = talk(gateway, client_policy(**KEYED)).run()
    both_up(said)
    assert not any(isinstance(each, Certificate) for each in said.said[1][1])
    asked = said.gateway.asked(KeyedAuth)
    assert [each.request.client for each in asked] == [True, False]
    assert [each.request.client for each in said.client.asked(KeyedAuth)] == [True, False]
    assert said.gateway.session.proved.person is False


def test_who_logs_in_is_said_by_the_response_and_judged_by_its_name():
    said = talk()
    said.client.login = ("EXAMPLE\\bob", "builder")
    both_up(said.run())
    assert said.gateway.session.user == "bob"


# --- secrets and proofs ----------------------------------------------------------------------------------------------


def said_nothing_secret(said) -> bool:
    return not said.client.asked(AskPerson) and [who for who, _ in said.said].count("client") == 1


def test_nothing_secret_is_said_to_a_gateway_whose_certificate_is_not_trusted():
    said = talk()
    said.client.answers[JudgePeer] = lambda _: Untrusted(WrongSignature("CN=rogue"))
    assert reason(said.run().client) == WrongSignature("CN=rogue")
    assert said_nothing_secret(said)
    assert said.client.failed.notify == NotifyType.AUTHENTICATION_FAILED
    assert isinstance(said.client.of(Judged)[-1].verdict, WrongSignature)


@pytest.mark.parametrize("kind", [Authentication, (Authentication, Certificate)])
def test_nothing_secret_is_said_to_a_gateway_that_does_not_prove_itself(kind):
    """As EAP_ONLY_AUTHENTICATION would allow, and as any rogue would do."""
    said = talk()
    said.change = changing("gateway", 0, without(kind))
    assert isinstance(reason(said.run().client), LoginBeforeProof)
    assert said_nothing_secret(said)


def test_nothing_secret_is_said_to_a_gateway_with_another_key():
    said = talk(gateway_policy(local=Proving.SHARED_KEY), client_policy(peer=(Proving.SHARED_KEY,)))
    said.gateway.psk = b"another key"
    assert isinstance(reason(said.run().client), OtherKey)
    assert said_nothing_secret(said)


def test_a_gateway_proves_itself_as_the_configuration_says():
    said = talk(gateway_policy(local=Proving.SHARED_KEY), client_policy())
    assert isinstance(reason(said.run().client), WayNotAllowed)
    assert said_nothing_secret(said)


def test_the_gateway_must_be_the_one_that_was_meant():
    client = replace(
        client_policy(), verify_identifier=True, peers_identifiers=(IdentityPattern(IdKind.FQDN, "other.example.org"),)
    )
    said = talk(client=client).run()
    assert isinstance(reason(said.client), IdentityNotAllowed)
    assert said_nothing_secret(said)
    hoped = [each for each in said.said[0][1] if isinstance(each, Identification) and not each.initiator]
    assert [each.data for each in hoped] == [b"other.example.org"]


def test_success_before_any_method_is_none():
    said = talk()
    early = Eap(packet.success(1).encode())
    said.change = changing("gateway", 0, lambda payloads: (*without(Eap)(payloads), early))
    assert isinstance(reason(said.run().client), EapBroken)
    assert said.client.session.children.ids() == ()


def test_success_before_the_gateway_knows_the_password_is_none():
    said = talk()
    said.change = changing("gateway", 2, lambda _: (Eap(packet.success(3).encode()),))
    assert isinstance(reason(said.run().client), EapBroken)
    assert not said.client.asked(AdmitConfiguration)


def test_a_gateway_that_does_not_know_the_password_is_another_one():
    said = talk()
    right = said.gateway.answer
    said.gateway.answers[CheckMschap] = lambda asked: replace(right(asked), authenticator=bytes(20))
    assert isinstance(reason(said.run().client), PasswordUnknownThere)
    assert nothing_came_of_it(said)


def test_a_client_that_does_not_hold_the_key_of_the_login_gets_nothing():
    said = talk()
    said.change = changing("client", 4, forged)
    assert isinstance(reason(said.run().gateway), OtherProofKey)
    assert nothing_came_of_it(said)
    assert notes(said.said[-1][1]) == [NotifyType.AUTHENTICATION_FAILED]
    assert isinstance(reason(said.client), RefusedThere)


def test_a_gateway_that_does_not_hold_the_key_of_the_login_gives_nothing():
    said = talk()
    said.change = changing("gateway", 4, forged)
    assert isinstance(reason(said.run().client), OtherProofKey)
    assert not said.client.asked(AdmitConfiguration)
    assert not said.client.asked(Install)


@pytest.mark.parametrize("terms", [SIGNED, KEYED])
def test_a_wrong_proof_of_the_client(terms):
    client = replace(client_policy(**terms), **own())
    said = talk(gateway_policy(**terms), client)
    said.change = changing(
        "client",
        0,
        lambda payloads: tuple(
            Authentication(each.method, each.data[:-1] + bytes([each.data[-1] ^ 1]))
            if isinstance(each, Authentication)
            else each
            for each in payloads
        ),
    )
    said.run()
    assert said.gateway.failed.notify == NotifyType.AUTHENTICATION_FAILED
    assert nothing_came_of_it(said)


def test_a_method_without_keys_binds_the_login_to_the_ike_sa():
    said = talk(gateway_policy(eap=(EapMethod.GTC,)))
    said.change = changing("client", 3, forged)
    assert isinstance(reason(said.run().gateway), OtherProofKey)
    assert nothing_came_of_it(said)


# --- methods ---------------------------------------------------------------------------------------------------------


def test_the_client_is_asked_for_the_method_that_it_wishes():
    said = talk(gateway_policy(eap=(EapMethod.MSCHAPV2, EapMethod.GTC)), client_policy(eap=(EapMethod.GTC,)))
    said.change = changing("client", 0, without(VendorId))
    both_up(said.run())
    assert said.gateway.asked(CheckLogin)
    assert not said.gateway.asked(CheckMschap)


def test_a_client_of_ours_is_asked_by_a_way_that_every_hash_can_judge():
    """Nobody knows at a method of challenges whether there is an NT hash; to ask would tell who exists."""
    both = (EapMethod.MSCHAPV2, EapMethod.GTC)
    said = talk(gateway_policy(eap=both), client_policy(eap=both)).run()
    both_up(said)
    assert [type(each) for each in said.gateway.questions if isinstance(each, CheckLogin | CheckMschap)] == [CheckLogin]


@pytest.mark.parametrize("vendors", [(), (VendorId(b"not ours"),)])
def test_other_clients_are_asked_in_the_order_of_the_configuration(vendors):
    both = (EapMethod.MSCHAPV2, EapMethod.GTC)
    said = talk(gateway_policy(eap=both), client_policy(eap=both))
    said.change = changing(
        "client", 0, lambda sent: (*(each for each in sent if not isinstance(each, VendorId)), *vendors)
    )
    both_up(said.run())
    assert said.gateway.asked(CheckMschap)


def test_a_gateway_without_that_way_does_not_take_it_from_a_client():
    """What the client prefers chooses among the methods of the configuration, and adds none."""
    said = talk(gateway_policy(eap=(EapMethod.MSCHAPV2,)), client_policy(eap=(EapMethod.MSCHAPV2, EapMethod.GTC))).run()
    both_up(said)
    assert not said.gateway.asked(CheckLogin)


def test_a_person_is_asked_for_a_second_factor_as_over_ikev1():
    """The words are the gateway's, the field is the one that XAUTH names."""
    said = talk(gateway_policy(eap=(EapMethod.GTC,)), client_policy(eap=(EapMethod.GTC,)))

    def judged(asked):
        code = asked.attempt.answer(Field.PASSCODE)
        more = Challenge("Code of your app", (Field.PASSCODE,), b"after the password")
        return (Accepted("alice") if code.reveal() == b"123456" else Refused(WrongPassword("alice"))) if code else more

    def typed(asked):
        answers = {Field.USER_NAME: "alice", Field.PASSWORD: "wonderland", Field.PASSCODE: "123456"}
        return Credentials(tuple((each, Secret(answers[each])) for each in asked.wants))

    said.gateway.answers[CheckLogin], said.client.answers[AskPerson] = judged, typed
    both_up(said.run())
    assert [(each.wants, each.message) for each in said.client.asked(AskPerson)] == [
        ((Field.USER_NAME, Field.PASSWORD), ""),
        ((Field.PASSCODE,), "Code of your app"),
    ]


def test_a_client_takes_no_weaker_method_than_it_agreed_to():
    said = talk(gateway_policy(eap=(EapMethod.GTC,)), client_policy(eap=(EapMethod.MSCHAPV2,))).run()
    assert isinstance(reason(said.client), MethodNotAgreed)
    assert isinstance(reason(said.gateway), NoCommonMethod)
    assert b"wonderland" not in b"".join(
        each.packet for _, said_ in said.said for each in said_ if isinstance(each, Eap)
    )
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("method", [EapMethod.MSCHAPV2, EapMethod.GTC])
@pytest.mark.parametrize("login", [("alice", "wrong"), ("nobody", "wonderland")])
def test_a_wrong_login(method, login):
    said = talk(gateway_policy(eap=(method,)))
    said.client.login = login
    said.run()
    assert [each.reason for each in said.gateway.of(LoginRefused)] == [WrongPassword(login[0])]
    assert isinstance(reason(said.client), RefusedThere)
    assert reason(said.client).user == login[0]
    assert packet.Packet.decode(said.said[-1][1][0].packet).code == packet.Code.FAILURE
    assert nothing_came_of_it(said)


def test_a_person_who_gives_nothing():
    said = talk()
    said.client.answers[AskPerson] = lambda _: Declined(NobodyAnswers("password"))
    assert reason(said.run().client) == NobodyAnswers("password")
    assert nothing_came_of_it(said)


def test_a_name_that_is_none():
    said = talk()
    said.client.login = ("al\nice", "wonderland")
    said.run()
    assert [each.user for each in said.gateway.of(LoginRefused)] == [""]
    assert nothing_came_of_it(said)


# --- blocks ----------------------------------------------------------------------------------------------------------


def test_a_way_that_no_block_admits():
    said = talk(gateway_policy(peer=(Proving.CERTIFICATE,))).run()
    assert reason(said.gateway) == WayNotAllowed("eap", "anonymous", "pubkey")
    assert reason(said.client).kind.value == "proof-not-accepted"


def test_the_block_is_chosen_by_the_way_and_by_whom_the_client_hopes_to_reach():
    said = talk()
    other = replace(gateway_policy(identity=Identity(IdKind.FQDN, b"other.example.org")), name="other")
    keyed = replace(gateway_policy(**KEYED), name="keyed")
    said.gateway.session.candidates = (keyed, other, gateway_policy())
    client = said.client.session
    client.remote = replace(client.remote, peers_identifiers=(IdentityPattern(IdKind.FQDN, "gw.example.org"),))
    both_up(said.run())
    assert said.gateway.session.remote.name == "anonymous"


def test_a_client_that_is_not_among_the_named_ones():
    gateway = replace(gateway_policy(), verify_identifier=True, peers_identifiers=(IdentityPattern(IdKind.FQDN, "x"),))
    assert isinstance(reason(talk(gateway).run().gateway), IdentityNotAllowed)


# --- the address and the SA pair -------------------------------------------------------------------------------------


def stays_without_pair(said, number) -> bool:
    """The IKE SA is up at the gateway, which said why there is no SA pair."""
    return said.gateway.failed is None and number in notes(said.said[-1][1]) and not said.gateway.session.children


def test_no_address_is_left():
    said = talk()
    said.gateway.answers[AcquireConfiguration] = exhausted
    assert stays_without_pair(said.run(), NotifyType.INTERNAL_ADDRESS_FAILURE)
    assert isinstance(reason(said.client), NoAddressThere)
    assert said.gateway.session.gates.next() is Gate.ADDRESS
    assert said.gateway.of(Dropped)[0].reason.cause is Cause.POOL_EXHAUSTED


def test_a_client_that_asks_for_no_address_brings_none():
    said = talk(client=replace(client_policy(), mode_cfg=False)).run()
    assert stays_without_pair(said, NotifyType.FAILED_CP_REQUIRED)
    assert isinstance(said.gateway.of(Dropped)[0].reason, NoAddressAsked)
    assert isinstance(reason(said.client), ChildRefused)


def test_no_common_proposal_for_the_pair():
    said = talk()
    suites = (EspSuite(Cipher.AES_GCM_16, 256, None),)
    said.client.session.context.policy = Policy((client_policy(),), ChildPolicy(suites))
    assert stays_without_pair(said.run(), NotifyType.NO_PROPOSAL_CHOSEN)
    assert isinstance(said.gateway.of(Dropped)[0].reason, NoProposal)
    gateway = said.client.session.path.remote.address
    assert reason(said.client) == PairProposalRefused(gateway, "aes_gcm_16-256")
    assert reason(said.client).cause is Cause.NO_PROPOSAL


def test_no_common_networks():
    rules = (ChildRule(CHILD, local=IPv4Network("10.0.0.0/8"), group="admins"),)
    said = talk(replace(gateway_policy(), children=rules)).run()
    assert stays_without_pair(said, NotifyType.TS_UNACCEPTABLE)
    assert isinstance(said.gateway.of(Dropped)[0].reason, SelectorsUnacceptable)


def test_the_sainfo_of_a_group_is_for_its_members():
    rules = (
        ChildRule(CHILD, local=IPv4Network("10.0.0.0/8"), group="admins"),
        ChildRule(CHILD, local=IPv4Network("10.1.0.0/16")),
    )
    said = talk(replace(gateway_policy(), children=rules))
    assert both_up(said.run())[0].remote_networks == (ip_network("10.1.0.0/16"),)
    said = talk(replace(gateway_policy(), children=rules))
    said.gateway.answers[AcquireConfiguration] = lambda _: replace(CONFIGURATION, groups=frozenset({"admins"}))
    assert both_up(said.run())[0].remote_networks == (ip_network("10.0.0.0/8"),)


SPLIT = replace(
    CONFIGURATION,
    split_include=(IPv4Network("10.0.0.0/8"), IPv4Network("192.168.0.0/16")),
    address6=IPv6Interface("2001:db8:99::1/64"),
    dns6=(IPv6Address("2001:db8::53"),),
    split_include6=(ip_network("2001:db8::/32"),),
)


def test_the_networks_of_a_split_tunnel_are_its_selectors():
    said = talk()
    said.gateway.answers[AcquireConfiguration] = lambda _: SPLIT
    child, _ = both_up(said.run())
    assert child.remote_networks == (*SPLIT.split_include, *SPLIT.split_include6)
    assert child.local_networks == (ip_network("10.99.99.1/32"), ip_network("2001:db8:99::1/128"))
    assert said.client.session.inner.configuration.address6 == SPLIT.address6


def test_narrowed_selectors_alone_are_a_split_tunnel_too():
    """strongSwan names no networks; all else would be lost in the tunnel."""
    inside = ip_network("10.1.0.0/16")
    said = talk(replace(gateway_policy(), children=(ChildRule(CHILD, local=inside),)))
    both_up(said.run())
    assert said.client.session.inner.configuration.split_include == (inside,)
    (asked,) = said.client.asked(AdmitConfiguration)
    assert asked.configuration.split_include == (inside,)
    assert not said.gateway.session.inner.configuration.split_include


def test_a_client_without_ipv6_gets_none():
    said = talk(client=replace(client_policy(), mode_cfg6=False))
    said.gateway.answers[AcquireConfiguration] = lambda _: SPLIT
    child, _ = both_up(said.run())
    assert {each.version for each in (*child.local_networks, *child.remote_networks)} == {4}
    assert said.gateway.session.inner.configuration.address6 is None


def test_windows_gets_selectors_for_everything():
    """It makes no routes of narrowed ones."""
    said = talk()
    said.gateway.answers[AcquireConfiguration] = lambda _: SPLIT
    server = configuration.ConfigurationAttribute(23456)
    said.change = changing(
        "client",
        0,
        lambda payloads: tuple(
            replace(each, attributes=(*each.attributes, server)) if isinstance(each, Configuration) else each
            for each in payloads
        ),
    )
    child, _ = both_up(said.run())
    assert child.remote_networks == (ip_network("0.0.0.0/0"), ip_network("::/0"))


def test_a_host_that_cannot_be_set_up():
    said = talk()
    said.client.answers[AdmitConfiguration] = lambda _: Failure(EngineFault("no such device"))
    assert reason(said.run().client) == EngineFault("no such device")
    assert not said.client.asked(Install)


def test_a_configuration_that_cannot_be():
    said = talk()
    said.change = changing(
        "gateway",
        4,
        lambda payloads: tuple(
            replace(each, attributes=()) if isinstance(each, Configuration) else each for each in payloads
        ),
    )
    assert isinstance(reason(said.run().client), UnusableConfiguration)
    assert not said.client.asked(Install)


def test_selectors_that_were_not_asked_for():
    said = talk()
    said.change = changing(
        "gateway",
        4,
        lambda payloads: tuple(
            replace(each, selectors=()) if isinstance(each, TrafficSelectors) and each.initiator else each
            for each in payloads
        ),
    )
    assert isinstance(reason(said.run().client), SelectorsNotAsked)
    assert not said.client.asked(Install)


def test_an_engine_that_cannot():
    said = talk()
    said.gateway.answers[Install] = lambda _: Failure(EngineFault("full"))
    assert stays_without_pair(said.run(), NotifyType.NO_PROPOSAL_CHOSEN)


def test_what_a_login_grants_in_time_is_told():
    said = talk(gateway_policy(eap=(EapMethod.GTC,)))
    said.gateway.answers[CheckLogin] = lambda asked: Accepted(
        asked.attempt.user, Grants(session_time=3600.5, rate=1000)
    )
    _, child = both_up(said.run())
    told = [each.data for each in said.said[-1][1] if getattr(each, "type", 0) == NotifyType.AUTH_LIFETIME]
    assert told == [(3600).to_bytes(4, "big")]
    assert child.rate == 1000
    assert said.gateway.session.grants.session_time == 3600.5


def test_a_gateway_of_ours_says_why():
    said = talk(gateway_policy(eap=(EapMethod.GTC,)))
    said.gateway.answers[CheckLogin] = lambda _: Refused(Busy("alice", 9))
    said.run()
    assert reason(said.client).cause is Cause.NOT_JUDGED
    assert isinstance(reason(said.client), RefusedWithWords)


# --- what anybody may send -------------------------------------------------------------------------------------------


@given(st.data())
def test_no_packet_of_eap_breaks_a_gateway(data):
    """Whatever comes in the place of a response, at any turn: a reason, and nothing given."""
    turn, octets = data.draw(st.integers(1, 3)), data.draw(st.binary(max_size=80))
    shaped = data.draw(st.booleans())
    if shaped:
        kind = data.draw(st.sampled_from([1, 2, 3, 6, 26, 254]))
        octets = packet.Packet(packet.Code.RESPONSE, turn, kind, octets).encode()
    said = talk()
    said.change = changing("client", turn, lambda _: (Eap(octets),))
    said.run()
    assert said.gateway.failed is None or isinstance(said.gateway.failed, Refusal | Malformed)
    assert nothing_came_of_it(said) or said.client.failed is None  # another name before the right password


@given(st.data())
def test_no_packet_of_eap_breaks_a_client(data):
    turn, octets = data.draw(st.integers(0, 3)), data.draw(st.binary(max_size=80))
    if data.draw(st.booleans()):
        kind = data.draw(st.sampled_from([1, 2, 3, 6, 26, 254]))
        octets = packet.Packet(packet.Code.REQUEST, turn + 1, kind, octets).encode()
    said = talk()
    said.change = changing("gateway", turn, lambda payloads: (*without(Eap)(payloads), Eap(octets)))
    said.run()
    assert said.client.failed is None or isinstance(said.client.failed, Refusal | Malformed)
    if said.client.asked(Install):  # it refused a method, and another one followed
        assert said.gateway.session.gates.all_open()


@pytest.mark.parametrize(("asked", "told"), [(Type.TTLS, "(eap ttls;)"), (Type.MD5, "has to offer one of these")])
def test_a_server_that_wants_another_method_than_the_client_is_told_at_both_ends(asked, told):
    def server(question):
        if not question.attempt.conversation:
            return EapRequest(packet.request(9, asked, b"\x20").encode(), b"began")
        return EapRefused(packet.failure(9).encode(), Refused(ServerRefused("alice", "192.0.2.9:1812")))

    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)), client_policy(eap=(EapMethod.GTC,)))
    said.gateway.answers[RelayEap] = server
    assert nothing_came_of_it(said.run())
    here, there = reason(said.client), reason(said.gateway)
    assert (here.asked, here.agreed) == (method_name(asked), "gtc")
    assert told in here.text
    assert there.text == f"the client wants a login by gtc; this gateway has a RADIUS server that asks for {here.asked}"


@pytest.mark.parametrize(
    "answered",
    [
        EapRequest(b"", b"x"),
        EapRequest(b"\1", b"x"),
        EapRequest(packet.success(1).encode(), b"x"),
        EapRequest(b"\1\1\0\xff\4", b"x"),
        EapRefused(b"nonsense", Refused(WrongPassword("alice"))),
    ],
)
def test_a_server_that_says_nonsense(answered):
    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)))
    said.gateway.answers[RelayEap] = lambda _: answered
    said.run()
    assert isinstance(said.gateway.failed, Denied)
    assert packet.Packet.decode(said.said[-1][1][0].packet).code == packet.Code.FAILURE
    assert nothing_came_of_it(said)


@pytest.mark.parametrize(("kind", "told"), [(Type.GTC, AskedTooOften), (Type.NOTIFICATION, EapBroken)])
def test_a_client_does_not_answer_a_server_for_ever(kind, told):
    """Neither with its person nor without."""
    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)))
    said.gateway.answers[RelayEap] = lambda asked: EapRequest(packet.request(9, kind, b"more").encode(), b"x")
    assert isinstance(reason(said.run().client), told)
    assert nothing_came_of_it(said)


def test_a_server_that_never_decides_is_asked_no_more(monkeypatch):
    """Whatever the client puts up with."""
    monkeypatch.setattr(client, "MOST_PACKETS", 10 * relay.MOST_PACKETS)
    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)))
    more = packet.request(9, Type.NOTIFICATION, b"more").encode()
    said.gateway.answers[RelayEap] = lambda _: EapRequest(more, b"x")
    assert isinstance(reason(said.run().gateway), NoVerdict)
    assert len(said.gateway.asked(RelayEap)) == relay.MOST_PACKETS
    assert nothing_came_of_it(said)


@pytest.mark.parametrize(
    ("method", "let_in"), [(Type.GTC, True), (Type.PEAP, False), (Type.MSCHAPV2, False), (99, False)]
)
def test_a_server_that_says_yes_without_the_keys_of_its_method_lets_nobody_in(method, let_in):
    """Somebody in the middle could have relayed it from another network: nothing ties it to this IKE SA."""

    def server(question):
        if not question.attempt.conversation:
            return EapRequest(packet.request(9, method, b"prompt").encode(), b"x")
        return EapAccepted("alice", packet.success(9).encode(), Secret(b""))

    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)), client_policy(eap=(EapMethod.GTC,)))
    said.gateway.answers[RelayEap] = server
    said.run()
    if let_in:
        both_up(said)
    else:
        assert isinstance(said.gateway.failed, Denied)
        assert nothing_came_of_it(said)


def test_a_notification_behind_a_method_does_not_stand_in_for_its_keys():
    following = iter([packet.request(9, Type.PEAP, b""), packet.request(10, Type.NOTIFICATION, b"welcome")])
    yes = EapAccepted("alice", packet.success(10).encode(), Secret(b""))

    def server(_):
        request = next(following, None)
        return EapRequest(request.encode(), b"x") if request else yes

    said = talk(gateway_policy(eap=(EapMethod.RADIUS,)), client_policy(eap=(EapMethod.GTC,)))
    said.gateway.answers[RelayEap] = server
    said.run()
    assert isinstance(said.gateway.failed, Denied)
    assert nothing_came_of_it(said)


def test_a_gateway_does_not_change_the_method_once_one_has_begun():
    """After the response of MSCHAPv2 success must prove that the gateway knows the password; that of GTC would not."""
    said = talk(client=client_policy(eap=(EapMethod.MSCHAPV2, EapMethod.GTC)))
    other = Eap(packet.request(77, Type.GTC, b"Password: ").encode())
    said.change = changing("gateway", 2, lambda payloads: (*without(Eap)(payloads), other))
    said.run()
    assert said.client.failed is not None
    assert b"wonderland" not in b"".join(
        each.packet for _, said_ in said.said for each in said_ if isinstance(each, Eap)
    )
    assert nothing_came_of_it(said)


def test_a_block_says_whether_a_person_is_asked():
    """The client's program asks before the first packet, so that no gateway waits for typing."""
    plain = replace(client_policy(), proposals=())
    assert plain.logs_in
    assert not replace(plain, v2=replace(plain.v2, **KEYED)).logs_in
    assert not replace(plain, v2=None).logs_in


def test_nothing_of_a_password_that_is_no_text_is_told():
    said = talk()
    secret = Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret(b"wonder\xfcland"))))
    said.client.answers[AskPerson] = lambda _: secret
    said.run()
    assert isinstance(said.client.failed, LocalFault)
    assert said.client.failed.reason.text == "the person could not be asked: the password is no text of Unicode"


def test_a_signature_of_a_key_that_a_reload_has_replaced_ends_the_login():
    """The gateway believes that its key is on P-256; the one that signs is on P-384 by now."""
    said, longer = talk(), encode_dss_signature(1 << 380, 1 << 380)
    (shown,) = said.gateway.session.remote.own
    shown = replace(shown, schemes=(SignatureScheme.ECDSA_SHA256,))
    said.gateway.session.remote = replace(said.gateway.session.remote, own=(shown,))
    said.gateway.session.abilities.schemes = None
    said.gateway.answers[SignAuth] = lambda _: Signature(longer)
    said.run()
    assert isinstance(said.gateway.failed, LocalFault)
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("field", [Field.USER_NAME, Field.PASSWORD])
def test_what_no_packet_of_eap_can_carry_ends_the_login(field):
    """A line of psk.txt may have that length."""
    said, long = talk(gateway_policy(eap=(EapMethod.GTC,)), client_policy(eap=(EapMethod.GTC,))), Secret("x" * 5000)
    given = {Field.USER_NAME: Secret("alice"), Field.PASSWORD: Secret("wonderland"), field: long}
    said.client.answers[AskPerson] = lambda _: Credentials(tuple(given.items()))
    said.run()
    assert isinstance(said.client.failed, LocalFault)
    assert nothing_came_of_it(said)
