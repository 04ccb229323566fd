"""EAP-GTC: a question in words, and an answer in words, which may be a password (RFC 3748 §5.6)."""

from __future__ import annotations

from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.wire.errors import Malformed

LONGEST_PROMPT = 1000
LONGEST_ANSWER = 1024
"""Octets; no back end takes a longer password."""


def encode_prompt(text: str) -> bytes:
    """Data of a request."""
    return text.encode()[:LONGEST_PROMPT]


def decode_prompt(data: bytes) -> str:
    """The question, fit to be shown. `Malformed`: too long; an empty one is allowed, for people have seen them."""
    if len(data) > LONGEST_PROMPT:
        raise Malformed(f"a question of {len(data)} octets; {LONGEST_PROMPT} are the most")
    return clean(data, lines=True)


def decode_answer(data: bytes) -> Secret:
    """Data of a response. `Malformed`: too long."""
    if len(data) > LONGEST_ANSWER:
        raise Malformed(f"an answer of {len(data)} octets; {LONGEST_ANSWER} are the most")
    return Secret(data)
