"""prf+ as RFC 7296 §2.13 writes it."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from lotor.crypto.prf import prf_plus
from lotor.model.algorithms import Hash


def test_blocks_follow_each_other():
    def prf(text):
        return hmac.digest(b"key", text, hashlib.sha384)

    first = prf(b"seed\1")
    second = prf(first + b"seed\2")
    third = prf(second + b"seed\3")
    assert prf_plus(Hash.SHA384, b"key", b"seed", 3 * 48) == first + second + third
    assert prf_plus(Hash.SHA384, b"key", b"seed", 49) == first + second[:1]
    assert prf_plus(Hash.SHA384, b"key", b"seed", 0) == b""


def test_the_last_block_is_number_255():
    whole = prf_plus(Hash.SHA1, b"k", b"s", 255 * 20)
    assert len(whole) == 5100
    assert whole[-20:] == hmac.digest(b"k", whole[-40:-20] + b"s\xff", hashlib.sha1)
    with pytest.raises(ValueError, match="before 5101 octets"):
        prf_plus(Hash.SHA1, b"k", b"s", 255 * 20 + 1)
