"""The reference captures of IKEv2 as Python values: messages, and keys with the algorithms of the house."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Ike2Suite, Integrity
from lotor.wire.header import Header

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


@dataclass(frozen=True, slots=True)
class Message:
    """One message of IKE, or one fragment of it. `plain`: the content of its SK or SKF with padding, None for a message
    in the clear; `first` the type of the first payload inside. `fragment`: number and total. `payloads`: types of the
    whole, None of a fragment that is not the last."""

    recording: str
    number: int
    raw: bytes
    plain: bytes | None
    first: int
    fragment: tuple[int, int] | None
    payloads: tuple[int, ...] | None

    def __str__(self) -> str:
        return f"{self.recording}-{self.number}"


@dataclass(frozen=True, slots=True)
class Content:
    """The payloads inside one message, from whole fragments and without padding; of a message in the clear its body."""

    recording: str
    header: Header
    first: int
    octets: bytes
    payloads: tuple[int, ...] | None

    def __str__(self) -> str:
        answer = "r" if self.header.flags & 0x20 else ""
        return f"{self.recording}-{self.header.exchange}-{self.header.message_id}{answer}"


@cache
def load(name: str) -> dict[str, Any]:
    """One recording."""
    return json.loads(gzip.decompress((VECTORS / f"{name}.json.gz").read_bytes()))


def _message(name: str, entry: dict[str, Any]) -> Message:
    plain = bytes.fromhex(entry["plain"]) if "plain" in entry else None
    fragment = tuple(entry["fragment"]) if "fragment" in entry else None
    payloads = tuple(entry["payloads"]) if "payloads" in entry else None
    return Message(name, entry["no"], bytes.fromhex(entry["raw"]), plain, entry.get("first", 0), fragment, payloads)


@cache
def messages() -> tuple[Message, ...]:
    """Every message of IKE of every recording, without the second copies of some."""
    entries = [(name, entry) for name in NAMES for entry in load(name)["messages"] if "raw" in entry]
    return tuple(_message(name, entry) for name, entry in entries if "retransmission_of" not in entry)


@cache
def eap() -> tuple[tuple[str, bytes], ...]:
    """Every packet of EAP, with the name of its recording."""
    return tuple((name, bytes.fromhex(entry["eap"])) for name in NAMES for entry in load(name)["eap"])


def split(datagram: bytes) -> tuple[Header, bytes]:
    """Header and body."""
    return Header.decode(datagram), datagram[Header.SIZE :]


def unpadded(plain: bytes) -> bytes:
    return plain[: -1 - plain[-1]]


@cache
def contents() -> tuple[Content, ...]:
    """What every message of every recording says."""
    found, pieces, first = list[Content](), list[bytes](), 0
    for message in messages():
        header, body = split(message.raw)
        number, total = message.fragment or (1, 1)
        if number == 1:
            pieces, first = [], message.first if message.plain is not None else header.next_payload
        pieces.append(body if message.plain is None else unpadded(message.plain))
        if number == total:
            found.append(Content(message.recording, header, first, b"".join(pieces), message.payloads))
    return tuple(found)


# --- keys -------------------------------------------------------------------------------------------------------------


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
