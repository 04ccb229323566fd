"""Post-quantum pre-shared keys in IKE_AUTH (RFC 8784): in the keys of both ends, left out, missing, unknown, wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from ike.test_ike_v2_auth import KEYED, SIGNED, both_up, changing, nothing_came_of_it, reason
from ike.test_ike_v2_recorded import Recording, answers, gateway_of, has_recorded_keys
from lotor.crypto import prf
from lotor.ike.events import Ended, PpkUnused, PpkUsed
from lotor.ike.questions import MixPpk
from lotor.ike.v2.sa import SkKeys
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import MixedKeys
from lotor.model.policy import Ppk
from lotor.model.reasons.local import NoPpk
from lotor.model.reasons.proofs import PpkDiffers, PpkMissing, PpkNotUsed, PpkRefused
from lotor.model.secret import Secret
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Authentication, Notification
from peers.auth import client_policy, gateway_policy, mixing, own, talk
from peers.world import connect, is_up, pair

WAYS = {
    "mschapv2": ({"eap": (EapMethod.MSCHAPV2,)}, {}),
    "gtc": ({"eap": (EapMethod.GTC,)}, {}),
    "psk": (KEYED, KEYED),
    "certificate": (SIGNED, SIGNED),
}
PPK = {b"alice-1": b"q" * 32}
ON, REQUIRED = Ppk.ON, Ppk.REQUIRED


def policies(way: str, here: Ppk, there: Ppk):
    """Of gateway and client."""
    gateway, client = WAYS[way]
    policy = replace(client_policy(**client, ppk=here), **(own() if way == "certificate" else {}))
    return replace(gateway_policy(**gateway, ppk=there), mode_cfg=True), policy


def two(way: str, here: Ppk = REQUIRED, there: Ppk = REQUIRED, at_gateway=PPK, at_client=PPK):
    said = talk(*policies(way, here, there))
    for end, ppks in ((said.client, at_client), (said.gateway, at_gateway)):
        end.ppks = dict(ppks)
        end.session.abilities.ppk = Ppk.OFF not in {here, there}
    return said


def told(payloads) -> dict[int, bytes]:
    return {each.type: each.data for each in payloads if isinstance(each, Notification)}


def keys_of(end) -> tuple[bytes, bytes, bytes]:
    keys = end.session.sa.keys
    return keys.d, keys.pi, keys.pr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("here", "there"), [(REQUIRED, REQUIRED), (ON, REQUIRED), (REQUIRED, ON), (ON, ON)])
def test_both_ends_have_the_ppk_in_their_keys(way, here, there):
    said = two(way, here, there)
    plain, untouched = keys_of(said.client), said.client.session.sa.keys
    both_up(said.run())
    expected = prf.mixed(said.client.session.sa.prf, Secret(b"q" * 32), tuple(map(Secret, plain)))
    assert keys_of(said.client) == keys_of(said.gateway) == tuple(each.reveal() for each in expected)
    changed = said.client.session.sa.keys
    assert (changed.ei, changed.er, changed.ai, changed.ar) == (untouched.ei, untouched.er, untouched.ai, untouched.ar)
    assert [end.of(PpkUsed)[0].ppk for end in (said.client, said.gateway)] == ["alice-1"] * 2
    last = next(payloads for who, payloads in reversed(said.said) if who == "client")
    assert told(last)[NotifyType.PPK_IDENTITY] == b"\2alice-1"
    assert (NotifyType.NO_PPK_AUTH in told(last)) is (here is ON)
    assert told(said.said[-1][1])[NotifyType.PPK_IDENTITY] == b""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at_gateway", [{}, {b"bob-1": b"q" * 32}])
def test_where_neither_demands_one_an_unknown_ppk_is_left_out(way, at_gateway):
    said = two(way, ON, ON, at_gateway=at_gateway)
    plain = keys_of(said.client)
    both_up(said.run())
    assert keys_of(said.client) == keys_of(said.gateway) == plain
    assert NotifyType.PPK_IDENTITY not in told(said.said[-1][1])
    assert "no line with" in said.gateway.of(PpkUnused)[0].why.text
    assert said.client.of(PpkUnused)[0].why == "the gateway does not know the PPK alice-1"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("here", "there"), [(REQUIRED, ON), (ON, REQUIRED), (REQUIRED, REQUIRED)])
def test_a_ppk_that_is_demanded_and_unknown_ends_both(way, here, there):
    said = two(way, here, there, at_gateway={}).run()
    assert isinstance(reason(said.gateway), NoPpk)
    assert reason(said.client) == PpkRefused(said.client.session.path.remote.address, "alice-1")
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("here", [ON, REQUIRED])
def test_a_wrong_ppk_ends_both_and_is_named(way, here):
    """Another key by that name is a mistake or an attack: nobody goes on without one."""
    said = two(way, here, ON, at_gateway={b"alice-1": b"w" * 32}).run()
    assert isinstance(reason(said.gateway), PpkDiffers)
    assert "PPK alice-1" in reason(said.gateway).text
    assert isinstance(reason(said.client), PpkRefused)
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("way", ["mschapv2", "psk"])
def test_a_client_without_one_is_refused_before_a_login(way):
    said = two(way, Ppk.OFF, REQUIRED).run()
    assert isinstance(reason(said.gateway), PpkMissing)
    assert not said.gateway.questions
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_names_none_in_the_end_is_refused(way):
    said = two(way, ON, REQUIRED, at_client={}).run()
    assert isinstance(reason(said.gateway), PpkMissing)
    assert nothing_came_of_it(said)


def test_a_client_that_demands_one_and_has_none_says_nothing():
    said = two("psk", REQUIRED, ON, at_client={}).run()
    assert isinstance(reason(said.client), NoPpk)
    assert not said.said


@pytest.mark.parametrize("way", WAYS)
def test_a_gateway_that_leaves_it_out_unasked_is_not_believed(way):
    """Only AUTH without the PPK could fit then, and the client that demands one does not look at it."""
    said = two(way, REQUIRED, ON)
    said.change = lambda who, _, payloads: tuple(
        each
        for each in payloads
        if who == "client" or not (isinstance(each, Notification) and each.type == NotifyType.PPK_IDENTITY)
    )
    assert isinstance(reason(said.run().client), PpkNotUsed)
    assert not said.client.session.children


@pytest.mark.parametrize("way", WAYS)
def test_who_hides_the_name_gains_no_session_without(way):
    """The gateway judges AUTH, which has the PPK in it, as if it had none."""
    said = two(way, ON, ON)
    said.change = lambda who, _, payloads: tuple(
        each
        for each in payloads
        if who == "gateway" or not (isinstance(each, Notification) and each.type == NotifyType.PPK_IDENTITY)
    )
    assert nothing_came_of_it(said.run())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("here", [ON, REQUIRED])
def test_a_block_without_one_beside_a_block_that_has_one(way, here):
    """Which of them serves the client shows only when the gateway has said already that it speaks of PPKs."""
    said = two(way, here, Ppk.OFF)
    for end in (said.client, said.gateway):
        end.session.abilities.ppk = True
    said.run()
    if here is ON:
        both_up(said)
        assert not said.gateway.asked(MixPpk)
        assert said.client.of(PpkUnused)[0].why == "the gateway does not know the PPK alice-1"
    else:
        assert nothing_came_of_it(said)


@pytest.mark.parametrize("named", [b"", b"\2", b"\0alice-1", b"\3alice-1", b"\2" + b"a" * 257])
def test_a_name_that_is_none_is_malformed(named):
    said = two("psk", ON, ON)
    said.change = changing(
        "client",
        0,
        lambda payloads: tuple(
            Notification(each.type, named)
            if isinstance(each, Notification) and each.type == NotifyType.PPK_IDENTITY
            else each
            for each in payloads
        ),
    )
    assert isinstance(said.run().gateway.failed, Malformed)
    assert not said.gateway.asked(MixPpk)


def test_auth_without_the_ppk_counts_only_where_it_is_unknown():
    """Else whoever finds the other keys one day could choose a session without."""
    said = two("psk", ON, ON)
    said.change = changing(
        "client",
        0,
        lambda payloads: tuple(
            Authentication(each.method, told(payloads)[NotifyType.NO_PPK_AUTH])
            if isinstance(each, Authentication)
            else each
            for each in payloads
        ),
    )
    assert isinstance(reason(said.run().gateway), PpkDiffers)


def test_a_ppk_is_asked_for_whom_the_login_proved():
    said = two("mschapv2").run()
    assert said.gateway.asked(MixPpk)[0].request.identity == Identity(IdKind.KEY_ID, b"alice")
    assert said.gateway.asked(MixPpk)[0].request.ppk_id == b"alice-1"
    asked = said.client.asked(MixPpk)[0].request
    assert (asked.identity, asked.ppk_id, asked.host) == (None, None, "gw.example.org")


def test_no_key_stands_in_a_repr():
    said = two("psk").run()
    shown = repr(said.gateway.questions) + repr(said.gateway.events) + repr(said.client.questions)
    assert "qqqq" not in shown
    assert said.gateway.session.sa.keys.d.hex() not in shown


def test_our_gateway_has_the_keys_that_strongswan_had(monkeypatch):
    recording = Recording("ppk")
    found = recording.vector["ike_sas"][0]
    one = gateway_of(recording, monkeypatch, local=Proving.CERTIFICATE, peer=(Proving.CERTIFICATE,), ppk=REQUIRED)
    one.session.remote, one.session.abilities.ppk = replace(one.session.remote, mode_cfg=True), True
    names = ("d", "ai", "ar", "ei", "er", "pi", "pr")
    bare = (found.get(f"SK_{name}_without_ppk", found[f"SK_{name}"]) or "" for name in names)
    one.session.sa = replace(one.session.sa, keys=SkKeys(*map(bytes.fromhex, bare)))
    one.answers[MixPpk] = lambda asked: MixedKeys(
        asked.request.ppk_id, prf.mixed(asked.request.prf, Secret(bytes.fromhex(found["ppk"])), asked.request.keys)
    )
    last = answers(one, recording)[-1]
    assert one.session.ppk == found["ppk_id"]
    assert told(last)[NotifyType.PPK_IDENTITY] == b""
    assert has_recorded_keys(one, recording)


# --- from the first message ------------------------------------------------------------------------------------------


def _mix(keys, question):
    return keys(question.request)


def world(here: Ppk, there: Ppk, at_gateway=PPK):
    gateway, client = policies("mschapv2", here, there)
    world_, gateway_, client_ = pair(gateway=gateway, client=client)
    for host, ppks in ((gateway_, at_gateway), (client_, PPK)):
        host.answers[MixPpk] = partial(_mix, mixing(ppks))
    connect(world_, client_, gateway_, "gw.example.org")
    came = world_.run(20, lambda: is_up(client_) and is_up(gateway_))
    return came, gateway_, client_


@pytest.mark.parametrize(("here", "there"), [(ON, ON), (REQUIRED, REQUIRED), (ON, Ppk.OFF), (Ppk.OFF, ON)])
def test_a_tunnel(here, there):
    came, gateway, client = world(here, there)
    assert came
    both = Ppk.OFF not in {here, there}
    assert [len(host.of(PpkUsed)) for host in (gateway, client)] == [both, both]


def test_a_client_that_demands_one_waits_for_no_gateway_without():
    """Somebody may have taken that out of the answer, which nothing protects: another answer may come."""
    came, _, client = world(REQUIRED, Ppk.OFF)
    assert not came
    assert [type(each.reason) for each in client.of(Ended)] == [PpkNotUsed]
