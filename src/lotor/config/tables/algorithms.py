"""The algorithms that racoon.conf can name: their values, key lengths, and which of them are weak or refused."""

from __future__ import annotations

from typing import Any

from lotor.config.choices import Choice
from lotor.config.settings import Authentication
from lotor.model.algorithms import (
    KEY_LENGTHS,
    USUAL_BITS,
    AuthMethod,
    Cipher,
    Compression,
    Group,
    Hash,
    Integrity,
)
from lotor.model.policy import Side
from lotor.model.weakness import WEAK, Named

AEAD = "; authenticates by itself and takes no authentication_algorithm; racoon has no such name"
DES = "its 56-bit keys are broken in hours; use aes"
NEW = "racoon has no such name"
RARE = "no system's ESP and few builds of racoon have it; use aes"
NO_CODE = "racoon never had code for it"
KERBEROS = "only old Windows and some BSDs spoke Kerberos in IKEv1; use hybrid_rsa_server, or rsasig between machines"


def _named(word: str, value: Named, meaning: str = "", **more: Any) -> Choice:
    """An algorithm; the word warns where it is weak."""
    weakness = WEAK.get(value)
    return Choice(word, value, meaning, weak=str(weakness) if weakness else "", **more)


def _sized(word: str, cipher: Cipher, meaning: str, **more: Any) -> Choice:
    """A cipher whose keys differ in length."""
    return _named(word, cipher, meaning, lengths=KEY_LENGTHS[cipher], bits=USUAL_BITS, **more)


_CIPHERS = (
    _sized("aes", Cipher.AES_CBC, "AES in CBC mode", aliases=("rijndael",)),
    _named("3des", Cipher.TRIPLE_DES_CBC, "Triple DES in CBC mode"),
    _sized("camellia", Cipher.CAMELLIA_CBC, "Camellia in CBC mode"),
    _sized("blowfish", Cipher.BLOWFISH_CBC, "Blowfish in CBC mode"),
    _sized("cast128", Cipher.CAST_CBC, "CAST-128 in CBC mode"),
    Choice("rc5", refused=RARE, lengths=tuple(range(40, 2041, 8)), bits=USUAL_BITS),
    Choice("des", refused=DES),
)
PHASE1_CIPHERS = (*_CIPHERS, _named("idea", Cipher.IDEA_CBC, "IDEA in CBC mode"))
ESP_CIPHERS = (
    *_CIPHERS,
    _sized("aes_gcm_16", Cipher.AES_GCM_16, f"AES in GCM mode{AEAD}"),
    _named("chacha20_poly1305", Cipher.CHACHA20_POLY1305, f"over IKEv1 between peers that are lotor{AEAD}"),
    _sized("twofish", Cipher.TWOFISH_CBC, "Twofish in CBC mode"),
    Choice("idea", refused=RARE),
    Choice("3idea", refused=f"{NO_CODE}; use aes"),
    Choice("rc4", refused=f"{NO_CODE}; use aes"),
    Choice("des_iv64", refused=DES),
    Choice("des_iv32", refused=DES),
    Choice("null_enc", refused="it would send everything in clear; use aes", aliases=("null",)),
)
HASHES = (
    _named("sha256", Hash.SHA256, aliases=("sha2_256",)),
    _named("sha384", Hash.SHA384, aliases=("sha2_384",)),
    _named("sha512", Hash.SHA512, aliases=("sha2_512",)),
    _named("sha1", Hash.SHA1),
    _named("md5", Hash.MD5),
    Choice("tiger", refused=f"{NO_CODE}; use sha256"),
)
INTEGRITIES = (
    _named("hmac_sha256", Integrity.HMAC_SHA256, "128 bits of HMAC-SHA-256", aliases=("hmac_sha2_256",)),
    _named("hmac_sha384", Integrity.HMAC_SHA384, "192 bits of HMAC-SHA-384", aliases=("hmac_sha2_384",)),
    _named("hmac_sha512", Integrity.HMAC_SHA512, "256 bits of HMAC-SHA-512", aliases=("hmac_sha2_512",)),
    _named("hmac_sha1", Integrity.HMAC_SHA1, "96 bits of HMAC-SHA-1"),
    _named("hmac_md5", Integrity.HMAC_MD5, "96 bits of HMAC-MD5"),
    Choice("des_mac", refused=DES.replace("aes", "hmac_sha256")),
    Choice("kpdk", refused="keyed MD5 is broken; use hmac_sha256"),
    Choice(
        "non_auth",
        refused="packets that nobody authenticates can be changed on the way; use hmac_sha256",
        aliases=("none",),
    ),
)
COMPRESSIONS = (
    Choice("deflate", Compression.DEFLATE, "only where the engine that carries ESP can do it"),
    Choice("lzs", refused=f"{NO_CODE}; use deflate"),
    Choice("oui", refused=f"{NO_CODE}; use deflate"),
)
GROUPS = (
    _named("modp2048", Group.MODP2048, aliases=("14",)),
    _named("modp3072", Group.MODP3072, aliases=("15",)),
    _named("modp4096", Group.MODP4096, aliases=("16",)),
    _named("modp6144", Group.MODP6144, aliases=("17",)),
    _named("modp8192", Group.MODP8192, aliases=("18",)),
    _named("ecp256", Group.ECP256, NEW, aliases=("19",)),
    _named("ecp384", Group.ECP384, NEW, aliases=("20",)),
    _named("ecp521", Group.ECP521, NEW, aliases=("21",)),
    _named("curve25519", Group.CURVE25519, NEW, aliases=("31",)),
    _named("modp1536", Group.MODP1536, aliases=("5",)),
    _named("modp1024", Group.MODP1024, aliases=("2",)),
    Choice("modp768", aliases=("1",), refused="768-bit Diffie-Hellman is broken; use modp2048 (14) or higher"),
    Choice("ec2n155", aliases=("3",), refused=f"{NO_CODE}; use modp2048 (14) or higher"),
    Choice("ec2n185", aliases=("4",), refused=f"{NO_CODE}; use modp2048 (14) or higher"),
)


GROUP_KEY = "everybody who knows the group key can pose as the gateway and collect passwords; use {}"


def _sides(name: str, method: AuthMethod, meaning: str, weak: str = "") -> tuple[Choice, Choice]:
    sides = (("server", Side.GATEWAY, "the gateway's side"), ("client", Side.CLIENT, "the client's side"))
    server, client = (
        Choice(
            f"{name}_{word}", Authentication(method, side), f"{who}: {meaning}", weak=weak.format(f"hybrid_rsa_{word}")
        )
        for word, side, who in sides
    )
    return server, client


SYMMETRIC = (
    "this end is the gateway where the remote is anonymous, passive on or generate_policy not off, else the client"
)
ELLIPTIC = (
    "both by certificates with ECDSA keys, on the same one of the curves P-256, P-384 and P-521 (RFC 4754); racoon has "
    "no such name"
)
METHODS = (
    *_sides("hybrid_rsa", AuthMethod.HYBRID_RSA, "gateway by certificate, user by login"),
    *_sides("xauth_rsa", AuthMethod.XAUTH_RSA, "both by certificate, then the user by login"),
    *_sides("xauth_psk", AuthMethod.XAUTH_PSK, "both by a group key, then the user by login", GROUP_KEY),
    Choice("rsasig", Authentication(AuthMethod.RSA, None), f"both by certificate; {SYMMETRIC}"),
    Choice("ecdsasig", Authentication(AuthMethod.ECDSA, None), f"{ELLIPTIC}; {SYMMETRIC}"),
    Choice("pre_shared_key", Authentication(AuthMethod.PSK, None), f"both by a shared key; {SYMMETRIC}"),
    *(Choice(f"hybrid_dss_{side}", refused=f"{NO_CODE}; use hybrid_rsa_{side}") for side in ("server", "client")),
    Choice("gssapi_krb", refused=KERBEROS),
    *(Choice(name, refused=NO_CODE) for name in ("dsssig", "rsaenc", "rsarev")),
)
