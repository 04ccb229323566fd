"""The reference captures as Python values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lotor.wire.header import Header

VECTORS = Path(__file__).parent / "vectors"
NAMES = sorted(path.parent.name for path in VECTORS.glob("*/vector.json"))


@dataclass(frozen=True, slots=True)
class Message:
    """One ISAKMP message: `plain` is the recorded plaintext with its padding, None for a message in the clear."""

    recording: str
    number: int
    raw: bytes
    plain: bytes | None
    payloads: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.recording}-{self.number}"


@cache
def load(name: str) -> dict[str, Any]:
    """`vector.json` of one recording."""
    return json.loads((VECTORS / name / "vector.json").read_text())


@cache
def rsa_numbers(name: str) -> dict[str, dict[str, int]]:
    """The RSA numbers of a recording by the name of the key file, empty where there is none."""
    path = VECTORS / name / "rsa.json"
    keys = json.loads(path.read_text()) if path.exists() else {}
    return {key: {part: int(value, 16) for part, value in numbers.items()} for key, numbers in keys.items()}


@cache
def messages() -> tuple[Message, ...]:
    """Every ISAKMP message of every recording."""
    return tuple(
        Message(
            name,
            entry["no"],
            bytes.fromhex(entry["raw"]),
            bytes.fromhex(entry["plain"]) if "plain" in entry else None,
            tuple(entry["payloads"]),
        )
        for name in NAMES
        for entry in load(name)["messages"]
        if "raw" in entry
    )


def split(datagram: bytes) -> tuple[Header, bytes]:
    """Header and body, which is a chain of payloads or the ciphertext of one."""
    return Header.decode(datagram), datagram[Header.SIZE :]
