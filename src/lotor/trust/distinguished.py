"""Distinguished names as a configuration writes them, compared with those of certificates."""

from __future__ import annotations

from lotor.crypto.certificates import DistinguishedName
from lotor.model.distinguished import ANY_VALUE, means


def name_matches(text: str, name: DistinguishedName) -> bool:
    """Whether a configured name means the one of a certificate."""
    return means(text, name.der, flat(name))


def flat(name: DistinguishedName) -> list[tuple[str, str]]:
    """Its types and values in their order, whichever share a part."""
    return [pair for part in name.parts for pair in part]


def configured_form(name: DistinguishedName) -> str | None:
    """The text to write into a configuration for this name; None where it has characters that cannot stand there."""
    text = str(name)
    values = [value for part in name.parts for _, value in part]
    awkward = any(set(value) & set('",\\/+\n') or value == ANY_VALUE for value in values)
    return None if awkward or not text or not name_matches(text, name) else text
