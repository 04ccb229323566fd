"""What a client of IKEv2 offered, as the directive that takes it."""

from __future__ import annotations

from lotor.explain.algorithms import BEARABLE, KNOWN
from lotor.model.algorithms import AEADS

_CIPHERS, _HASHES, _GROUPS = (set(words) for words in KNOWN[:3])
_AUTHENTICATING = {each.value for each in AEADS}


def directive(offers: tuple[str, ...]) -> str:
    """`ike2_proposal` for the best of them; empty where each has something weak or unknown."""
    found = [each for each in map(_suite, offers) if each is not None]
    chosen = next((each for each in found if each[1] not in BEARABLE), found[0] if found else None)
    return f"ike2_proposal {' '.join(chosen)};" if chosen else ""


def _suite(offer: str) -> tuple[str, str, str] | None:
    """Cipher, hash and group of one offer, which names several of each with commas between them."""
    parts = [part.split(",") for part in offer.split("/")]
    words = [word for part in parts for word in part]
    macs = {word.removeprefix("hmac_") for word in words if word.startswith("hmac_")}
    ciphers = [word for word in parts[0] if word.partition("-")[0] in _CIPHERS]
    hashes = [word.removeprefix("prf-") for word in words if word.startswith("prf-")]
    groups = [word for word in words if word in _GROUPS]
    for cipher in ciphers:
        name, _, bits = cipher.partition("-")
        good = [each for each in hashes if each in _HASHES and (name in _AUTHENTICATING or each in macs)]
        if good and groups:
            return f"{name} {bits}".rstrip(), min(good, key=lambda each: each in BEARABLE), groups[0]
    return None
