"""MSCHAPv2 against RFC 1320 §A.5, RFC 2759 §9.2, RFC 3079 §3.5.3, and every recorded login."""

from __future__ import annotations

import pytest

import recordings_v2 as recordings
from lotor import _native
from lotor.crypto import mschap
from lotor.model.secret import Secret

PASSWORD, USER = "clientPass", "User"
CHALLENGE = bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255e262a28295f2b3a337c7e")
RESPONSE = bytes.fromhex("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df")
LOGINS = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["mschapv2"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "043f8582f241db351ce627e153e7f0e4"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_is_that_of_the_rfc(text, expected):
    assert _native.md4(text).hex() == expected


def test_the_example_of_the_rfc():
    password = mschap.nt_hash(PASSWORD)
    assert password.reveal().hex() == "44ebba8d5312b8d611474411f56989ae"
    challenge = mschap.challenge_hash(CHALLENGE, PEER_CHALLENGE, USER)
    assert challenge.hex() == "d02e4386bce91226"
    assert mschap.nt_response(password, challenge) == RESPONSE
    shown = mschap.authenticator(password, challenge, RESPONSE)
    assert shown.hex().upper() == "407A5589115FD0D6209F510FE9C04566932CDA56"


def test_the_keys_of_the_rfc():
    """RFC 3079 §3.5.3 gives the key that the server sends with."""
    key = mschap.msk(mschap.nt_hash(PASSWORD), RESPONSE).reveal()
    assert key[16:32].hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert (len(key), key[32:]) == (64, bytes(32))


@pytest.mark.parametrize(("name", "login"), LOGINS)
def test_recorded_logins(name, login):
    challenges = recordings.octets(login, "authenticator_challenge", "peer_challenge")
    password, response = mschap.nt_hash(login["password"]), bytes.fromhex(login["nt_response"])
    challenge = mschap.challenge_hash(*challenges, login["user"])
    assert mschap.is_response(password, challenge, response) == login.get("nt_response_right", "wrong" not in name)
    made = mschap.nt_response(password, challenge)
    assert mschap.msk(password, made).reveal().hex() == login["msk"]


def test_logins_were_recorded():
    assert len(LOGINS) >= 10


def test_names_count_without_their_domain():
    bare = mschap.challenge_hash(CHALLENGE, PEER_CHALLENGE, "alice")
    assert mschap.challenge_hash(CHALLENGE, PEER_CHALLENGE, "EXAMPLE\\alice") == bare
    assert mschap.challenge_hash(CHALLENGE, PEER_CHALLENGE, "alice@example") != bare


def test_answers_are_compared_whole():
    password = mschap.nt_hash(PASSWORD)
    challenge = mschap.challenge_hash(CHALLENGE, PEER_CHALLENGE, USER)
    shown = mschap.authenticator(password, challenge, RESPONSE)
    assert mschap.is_response(password, challenge, RESPONSE)
    assert mschap.is_authenticator(password, challenge, RESPONSE, shown)
    assert not mschap.is_response(password, challenge, RESPONSE[:-1])
    assert not mschap.is_response(password, challenge, b"")
    assert not mschap.is_authenticator(password, challenge, RESPONSE, shown[:-1])
    assert not mschap.is_authenticator(mschap.nt_hash("other"), challenge, RESPONSE, shown)


def test_passwords_that_cannot_be():
    assert mschap.nt_hash("p" * 256)
    assert mschap.nt_hash("naïve 密码 🔑").reveal() == _native.md4("naïve 密码 🔑".encode("utf-16-le"))
    with pytest.raises(ValueError, match="256 characters"):
        mschap.nt_hash("p" * 257)
    with pytest.raises(ValueError, match="Unicode"):
        mschap.nt_hash("\ud800")


@pytest.mark.parametrize("sizes", [(15, 16), (16, 17)])
def test_challenges_of_another_size_are_refused(sizes):
    with pytest.raises(ValueError, match="16 octets"):
        mschap.challenge_hash(*(bytes(size) for size in sizes), USER)


def test_what_opens_doors_is_a_secret():
    assert isinstance(mschap.nt_hash(PASSWORD), Secret)
    assert isinstance(mschap.msk(mschap.nt_hash(PASSWORD), RESPONSE), Secret)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: _native.mschap_response(bytes(15), bytes(8)),
        lambda: _native.mschap_response(bytes(16), bytes(9)),
        lambda: _native.mschap_authenticator(bytes(17), bytes(8), bytes(24)),
        lambda: _native.mschap_msk(b"", bytes(24)),
    ],
)
def test_what_has_another_length_is_refused_without_being_shown(wrong):
    with pytest.raises(ValueError, match=r"^\d+ octets, not \d+$"):
        wrong()
