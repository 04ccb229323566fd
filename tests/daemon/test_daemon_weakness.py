"""A weak algorithm is weak in every room: the check of a file warns, the status warns, no remedy advises it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.config import loads
from lotor.daemon.status import weaknesses
from lotor.explain.remedies import KNOWN
from lotor.model.algorithms import AEADS, KEMS, Cipher, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.algorithms import AuthMethod as Method
from lotor.model.weakness import WEAK

ALL = [*Cipher, *Hash, *Integrity, *(each for each in Group if each not in KEMS)]
"""What a `proposal` may name: key encapsulation is for IKEv2 alone, and none of it is weak."""
STRONG = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA256, Group.MODP2048, Method.RSA, 3600)
WEAKEST = {
    *(Cipher.TRIPLE_DES_CBC, Cipher.BLOWFISH_CBC, Cipher.CAST_CBC, Cipher.IDEA_CBC),
    *(Hash.MD5, Hash.SHA1, Integrity.HMAC_MD5, Integrity.HMAC_SHA1, Group.MODP1024, Group.MODP1536),
}


def word(algorithm) -> str:
    return algorithm.name.lower() if isinstance(algorithm, Group) else algorithm.value


def checked(algorithm) -> list[str]:
    """The warnings of a file that names it and otherwise what is strong."""
    phase1 = {"encryption_algorithm": "aes", "hash_algorithm": "sha256", "dh_group": "modp2048"}
    phase2 = {"encryption_algorithm": "aes", "authentication_algorithm": "hmac_sha256"}
    only_phase2 = isinstance(algorithm, Integrity) or algorithm in {*AEADS, Cipher.TWOFISH_CBC}
    names = {Cipher: "encryption_algorithm", Hash: "hash_algorithm", Group: "dh_group"}
    names[Integrity] = "authentication_algorithm"
    (phase2 if only_phase2 else phase1)[names[type(algorithm)]] = word(algorithm)
    proposal, child = (" ".join(f"{name} {value};" for name, value in each.items()) for each in (phase1, phase2))
    loaded = loads(
        f"remote anonymous {{ exchange_mode main; proposal {{ {proposal} authentication_method rsasig; }} }}"
        f"sainfo anonymous {{ {child} compression_algorithm deflate; }}"
    )
    return [each.text for each in loaded.warnings if " is weak" in each.text]


def shown(algorithm) -> list[str]:
    if isinstance(algorithm, Integrity):
        return weaknesses(None, [EspSuite(Cipher.AES_CBC, 256, algorithm)])
    field = {Cipher: "cipher", Hash: "hash", Group: "group"}[type(algorithm)]
    return weaknesses(replace(STRONG, **{field: algorithm}), [])


@pytest.mark.parametrize("algorithm", ALL, ids=str)
def test_the_rooms_agree_on_what_is_weak(algorithm):
    weak = algorithm in WEAKEST
    assert (algorithm in WEAK) is weak
    told, status = checked(algorithm), shown(algorithm)
    assert (len(told), len(status)) == (weak, weak)
    assert all(str(WEAK[algorithm]) in each for each in (*told, *status))
    advised = any(word(algorithm) in words for words in KNOWN) or isinstance(algorithm, Integrity)
    assert advised is (not weak or WEAK[algorithm].bearable or isinstance(algorithm, Integrity))
