"""Every sequence of what a client can say, up to a length: by methods on TLS, keys, certificates and two proofs, and
with a RADIUS server that lies. Nothing is given without a yes for this IKE SA and the key of that login."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lotor.ike.questions import CheckLogin, JudgePeer
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.eap import EapAccepted, EapRefused, EapRequest
from lotor.model.login import Refused
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.model.tls import TlsMethod
from lotor.wire.eap import packet
from lotor.wire.v2.payloads import Authentication, Notification
from peers import letters
from peers.auth import client_policy, end, gateway_policy, own
from peers.letters import Case, noting, walk
from peers.letters_tls import LETTERS, case_on_tls
from peers.tls import ALICE

MORE = int(os.environ.get("LOTOR_MODEL_V2_MORE", "0"))
"""Letters beyond the shortest way in."""
TTLS_WAYS = {
    ("first", "identity", "handshake", "pap", "prove"),
    ("first", "identity", "handshake", "bound", "nothing", "prove"),
    ("first", "identity", "handshake", "inner_name", "inner_token", "prove"),
}


def ways(found) -> set:
    """Without what an end may say that has nothing to say, and what changes nothing."""
    return {tuple(each for at, each in enumerate(one) if each != "nothing" or one[at - 1] == "bound") for one in found}


def test_ttls():
    given, walked = walk(lambda: case_on_tls(TlsMethod.TTLS), LETTERS[TlsMethod.TTLS], 6 + MORE)
    assert ways(given) == TTLS_WAYS
    assert walked > 100


def test_peap():
    """What comes before the handshake is as with TTLS."""
    begin, said = (
        ("first", "identity", "handshake"),
        ("inner_name", "inner_right", "inner_acknowledge", "result", "prove"),
    )
    given, walked = walk(lambda: case_on_tls(TlsMethod.PEAP), LETTERS[TlsMethod.PEAP], 9 + MORE, begin)
    assert ways(given) == {(*begin, *said)}
    assert walked > 50


@pytest.mark.parametrize(
    ("shows", "name", "comes_in"),
    [
        (ALICE, ALICE, True),
        (ALICE, "root@example.org", False),
        ("mallory@example.org", ALICE, False),
        ("", ALICE, False),
    ],
)
def test_certificates_inside_of_tls(shows, name, comes_in):
    given, walked = walk(lambda: case_on_tls(TlsMethod.TLS, shows, name), LETTERS[TlsMethod.TLS], 6 + MORE)
    assert ways(given) == ({("first", "identity", "handshake", "prove")} if comes_in else set())
    assert walked > 20


# --- a RADIUS server that lies ---------------------------------------------------------------------------------------


def after_a_method(question, verdict):
    """It asks by EAP-TLS first, and says that then."""
    if not question.attempt.conversation:
        return EapRequest(packet.request(7, 13, b"\x20").encode(), b"began")
    return verdict


SUCCESS, OTHER = packet.success(7).encode(), Secret(b"\x99" * 64)
KEYLESS, ELSEWHERE = EapAccepted("alice", SUCCESS, Secret(b"")), EapAccepted("alice", SUCCESS, OTHER)
LIES = {
    "a yes without the keys of its method": lambda asked: after_a_method(asked, KEYLESS),
    "keys of another login": lambda asked: after_a_method(asked, ELSEWHERE),
    "a request that is none": lambda _: EapRequest(SUCCESS, b"began"),
    "a request that is a response": lambda _: EapRequest(b"\2\7\0\5\1", b"began"),
    "a no with success in it": lambda _: EapRefused(SUCCESS, Refused(WrongPassword("alice"))),
    "questions without end": lambda _: EapRequest(packet.request(7, 99, b"?").encode(), b"began"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_lets_nobody_in(lie):
    """A client with the keys that it should have, or with none."""
    said = ("identity", "method", "server_word", "prove", "prove_server", "prove_wrongly")
    given, walked = walk(lambda: letters.case(EapMethod.RADIUS, server=LIES[lie]), said, 5 + MORE)
    assert given == []
    assert walked > 5


# --- keys, certificates, and two proofs ------------------------------------------------------------------------------

PROOFS = {
    Proving.SHARED_KEY: (),
    Proving.CERTIFICATE: (JudgePeer,),
    Proving.SHARED_KEY_THEN_EAP: (CheckLogin,),
    Proving.CERTIFICATE_THEN_EAP: (JudgePeer, CheckLogin),
}


class Device(Case):
    """A client that has a key or a certificate."""

    def proved(self) -> None:
        self.proof_made = "right"
        self.send(*self.opening)

    def forged(self) -> None:
        self.send(*map(_forged, self.opening))

    def unproved(self) -> None:
        self.send(*(each for each in self.opening if not isinstance(each, Authentication)))

    def alone(self) -> None:
        """Without the word that another proof follows."""
        self.proof_made = "right"
        self.send(*(each for each in self.opening if not isinstance(each, Notification)))

    def person(self) -> None:
        self.proof_made = ""
        self.send(self.opening[0])

    def again(self) -> None:
        self.send(*(each for each in self.opening if isinstance(each, Authentication)))


def _forged(payload):
    return replace(payload, data=payload.data[:-1] + b"?") if isinstance(payload, Authentication) else payload


def device(way: Proving) -> Device:
    needs = PROOFS[way]
    person = replace(client_policy(local=way, eap=(EapMethod.GTC,)), **own())
    client = end(person, initiator=True)
    client.session.abilities.twice = True
    gateway = end(replace(gateway_policy(peer=(way,), eap=(EapMethod.GTC,)), mode_cfg=True), initiator=False)
    noting(gateway)
    if not needs:
        gateway.yes.append("a shared key, which AUTH itself proves")
    return Device(gateway, end(person, initiator=True), letters.opening(client), needs=needs)


@pytest.mark.parametrize("way", PROOFS)
def test_a_proof_and_perhaps_a_login(way):
    said = ("proved", "person", "identity", "token", "prove") if way.twice else ("proved",)
    beyond = ("proved", "forged", "person", "again", "identity", "token", "wrong_token", "prove", "prove_wrongly")
    begins = [(each,) for each in ("proved", "forged", "unproved", "alone", "person")]
    given, walked = walk(lambda: device(way), beyond, len(said) + MORE, *begins)
    assert set(given) == ({said} if way.twice else {("proved",), ("alone",)})
    assert walked >= 5
