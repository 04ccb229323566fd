"""What is advised: the right directive for the right end, and nothing where nothing is wrong."""

from __future__ import annotations

import pytest

from lotor.explain.attempts import Attempt
from lotor.explain.remedies import advice, remedy
from lotor.ike.admission import PUSHED_OUT
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Cause
from lotor.model.reasons import certificates, chains, ends, local, logins, proofs, protocol
from lotor.model.reasons.catalogue import CLASSES
from lotor.model.reasons.proposals import NoProposal
from lotor.model.reasons.protocol import MalformedMessage, NotAdmitted
from samples import of_cause, sample


def attempt(why, side=Side.GATEWAY, **known):
    """`why`: a reason, a class of them, or a cause about which no more is known."""
    reason = of_cause(why) if isinstance(why, Cause) else sample(why) if isinstance(why, type) else why
    made = Attempt(7, 0.0, side, "anonymous", "203.0.113.9", "path", over=1.0, reason=reason)
    for name, value in known.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_advice_at_both_ends_or_none_on_purpose(cause, side):
    nothing_to_do = {Cause.ADMINISTRATOR, Cause.LOGIN_DECLINED, Cause.EXPIRED, Cause.REPLACED}
    for established in ("", "aes"):
        assert remedy(attempt(cause, side=side, established=established)) or cause in nothing_to_do
    assert advice(cause, side) or cause in nothing_to_do


def test_nothing_is_advised_for_what_came_up_or_goes_on():
    assert remedy(attempt(Cause.PEER_CLOSED, up=True)) == ""
    assert remedy(attempt(Cause.PEER_CLOSED, over=None)) == ""


def test_the_best_offer_is_written_as_the_gateway_would_accept_it():
    offers = ("3des/md5/modp1024/xauth_psk", "aes-256/sha256/modp2048/xauth_psk")
    told = remedy(attempt(Cause.NO_PROPOSAL, offers=offers))
    assert "encryption_algorithm aes 256; hash_algorithm sha256;" in told
    assert "authentication_method xauth_psk_server; dh_group 14; }" in told
    assert "authentication_method rsasig; dh_group 19;" in remedy(
        attempt(Cause.NO_PROPOSAL, offers=("aes-128/sha384/ecp256/rsasig",))
    )


def test_certificates_of_ecdsa():
    offers = ("aes-128/sha256/ecp256/ecdsasig-p256",)
    told = remedy(attempt(Cause.NO_PROPOSAL, offers=offers))
    assert "authentication_method ecdsasig; dh_group 19;" in told
    told = remedy(attempt(sample(NoProposal, misfit="curve"), offers=offers))
    assert "with a key on the curve of the other" in told


def test_sha1_is_advised_only_where_the_client_has_nothing_better():
    vpnc = "aes-256/sha1/modp2048/hybrid_rsa"
    assert "hash_algorithm sha1;" in remedy(attempt(Cause.NO_PROPOSAL, offers=(vpnc, "3des/md5/modp2048/hybrid_rsa")))
    better = vpnc.replace("sha1", "sha512")
    assert "hash_algorithm sha512;" in remedy(attempt(Cause.NO_PROPOSAL, offers=(vpnc, better)))


def test_weak_offers_are_the_clients_to_correct():
    offers = ("aes-128/sha1/modp1024/hybrid_rsa", "DES_CBC/sha256/modp2048/rsasig", "aes-256/-/modp2048/9")
    told = remedy(attempt(Cause.NO_PROPOSAL, offers=offers))
    assert told.startswith("the client offers weak or unknown algorithms only")


def test_a_client_is_sent_to_the_gateways_journal():
    assert "its journal names what it wants" in remedy(attempt(Cause.NO_PROPOSAL, side=Side.CLIENT))


def test_quick_mode_that_did_not_fit_is_about_sainfo():
    told = attempt(Cause.PEER_CLOSED, established="aes", met=[sample(NoProposal)])
    assert "sainfo" in remedy(told)


@pytest.mark.parametrize(
    ("why", "word"),
    [
        (NotAdmitted, "exchange_mode"),
        (MalformedMessage, "not IKEv1"),
    ],
)
def test_what_stayed_at_the_door_has_its_own_advice(why, word):
    assert word in remedy(attempt(why, session=0))


def test_who_gave_up_his_place_was_one_of_a_flood():
    assert "flood" in remedy(attempt(PUSHED_OUT))


def test_different_pre_shared_keys_are_named():
    assert "path pre_shared_key" in remedy(attempt(protocol.OtherKeyLikely))
    assert "path pre_shared_key" in remedy(attempt(protocol.OtherKey))


OTHER_PFS = sample(NoProposal, misfit="pfs-group")
BLOCKED = {"chosen": "aes", "established": "aes"}


@pytest.mark.parametrize(
    ("side", "made", "told"),
    [
        (Side.GATEWAY, attempt(logins.UnknownUser), "lotor user add NAME"),
        (Side.GATEWAY, attempt(logins.Locked), "lotor user unlock"),
        (Side.GATEWAY, attempt(logins.Locked("alice", "account")), "usermod -U"),
        (Side.GATEWAY, attempt(logins.PasswordExpired), "chage -l NAME"),
        (Side.GATEWAY, attempt(logins.NotInGroup), "usermod -aG"),
        (Side.GATEWAY, attempt(logins.WrongPassword), "lotor user passwd"),
        (Side.CLIENT, attempt(logins.RefusedThere), "type the password again"),
        (Side.CLIENT, attempt(chains.Expired), "lotor pki gateway"),
        (Side.GATEWAY, attempt(chains.Expired), "needs a new certificate"),
        (Side.CLIENT, attempt(certificates.WrongName), "a name that its certificate has"),
        (Side.GATEWAY, attempt(local.NoSharedKey), "add that line"),
        (Side.GATEWAY, attempt(local.NoPpk), "add that line"),
        (Side.CLIENT, attempt(local.NoPpk), "for that gateway"),
        (Side.GATEWAY, attempt(proofs.PpkDiffers), "same PPK by the same name"),
        (Side.CLIENT, attempt(proofs.PpkDiffers), "same PPK by the same name"),
        (Side.GATEWAY, attempt(proofs.PpkMissing), "strongSwan: ppk_id"),
        (Side.CLIENT, attempt(proofs.PpkNotUsed), "ask the gateway's administrator for a PPK"),
        (Side.CLIENT, attempt(proofs.ProvedOnceThere), "my_auth pubkey;"),
        (Side.CLIENT, attempt(proofs.PpkRefused), "whether it knows the PPK"),
        (Side.GATEWAY, attempt(Cause.PEER_CLOSED, established="aes", met=[OTHER_PFS]), "pfs"),
        (Side.CLIENT, attempt(Cause.PEER_CLOSED, established="aes", met=[OTHER_PFS]), "pfs"),
        (Side.CLIENT, attempt(Cause.DEAD_PEER, **BLOCKED), "let UDP 4500 through"),
        (Side.CLIENT, attempt(Cause.NO_ANSWER, **BLOCKED), "let UDP 4500 through"),
        (Side.CLIENT, attempt(Cause.DEAD_PEER, **BLOCKED, rounds=["round 1: password"]), "connect again"),
        (Side.CLIENT, attempt(Cause.DEAD_PEER, **BLOCKED, reached=True), "at UDP port 4500 too"),
        (Side.CLIENT, attempt(ends.Stalled, **BLOCKED, reached=True), "at UDP port 4500 too"),
        (Side.CLIENT, attempt(Cause.NO_ANSWER), "UDP ports 500 and 4500 are open"),
        (Side.CLIENT, attempt(Cause.NO_ANSWER, mode="main", method="pre_shared_key", chosen="aes"), "another key"),
        (Side.GATEWAY, attempt(Cause.NO_ANSWER, mode="main", method="pre_shared_key", chosen="aes"), "another key"),
        (Side.GATEWAY, attempt(Cause.NO_ANSWER, mode="aggressive", method="xauth_psk", chosen="aes"), "another key"),
        (Side.GATEWAY, attempt(Cause.NO_ANSWER, method="hybrid_rsa", chosen="aes"), "does not accept our certificate"),
    ],
)
def test_what_helps_depends_on_what_was_seen(side, made, told):
    made.side = side
    assert told in remedy(made)


def test_a_client_with_weak_groups_is_told_in_its_own_words():
    offers = ("aes-256/sha1/modp1024/hybrid_rsa",)
    assert "IKE DH Group dh14" in remedy(attempt(Cause.NO_PROPOSAL, offers=offers, vendors=("draft_01",)))


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("kind", [each for each in CLASSES.values() if each.cause is Cause.POOL_EXHAUSTED])
def test_only_a_full_pool_is_to_be_made_larger(kind, side):
    full = kind.kind in (Kind.POOL_EXHAUSTED, Kind.NO_ADDRESS_GIVEN)
    told = remedy(attempt(kind, side))
    assert told
    assert ("larger" in told) is full
