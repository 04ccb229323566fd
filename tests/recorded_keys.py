"""The keys of the recorded sessions of IKEv2, with the algorithms of the house."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Ike2Suite, Integrity

VECTORS = Path(__file__).parent / "vectors-ikev2"
NAMES = sorted(path.name.removesuffix(".json.gz") for path in VECTORS.glob("*.json.gz"))

CIPHERS = {3: Cipher.TRIPLE_DES_CBC, 12: Cipher.AES_CBC, 20: Cipher.AES_GCM_16, 28: Cipher.CHACHA20_POLY1305}
INTEGRITIES = {
    2: Integrity.HMAC_SHA1,
    12: Integrity.HMAC_SHA256,
    13: Integrity.HMAC_SHA384,
    14: Integrity.HMAC_SHA512,
}
PRFS = {2: Hash.SHA1, 5: Hash.SHA256, 6: Hash.SHA384, 7: Hash.SHA512}


@cache
def load(name: str) -> dict[str, Any]:
    """One recording."""
    return json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))


def octets(where: dict[str, Any], *names: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(where[name]) for name in names)


def ike_sa(name: str, spis: list[str]) -> dict[str, Any]:
    return next(each for each in load(name)["ike_sas"] if [each["spi_i"], each["spi_r"]] == spis)


def _transform(transforms: list[list[Any]], kind: int) -> list[Any]:
    return next((each for each in transforms if each[0] == kind), [kind, 0, None])


def esp_suite(transforms: list[list[Any]]) -> EspSuite:
    _, cipher, bits = _transform(transforms, 1)
    return EspSuite(CIPHERS[cipher], bits or 0, INTEGRITIES.get(_transform(transforms, 3)[1]))


def ike_suite(transforms: list[list[Any]]) -> Ike2Suite:
    esp = esp_suite(transforms)
    prf, group = PRFS[_transform(transforms, 2)[1]], Group(_transform(transforms, 4)[1])
    return Ike2Suite(esp.cipher, esp.key_bits, esp.integrity, prf, group)
