"""The words of an offer that are worth accepting."""

from __future__ import annotations

from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash
from lotor.model.weakness import WEAK

_SHUNNED = {each for each, weakness in WEAK.items() if not weakness.bearable}
KNOWN = (
    {each.value for each in Cipher if each not in _SHUNNED},
    {each.value for each in Hash if each not in _SHUNNED},
    {each.name.lower() for each in Group if each not in _SHUNNED},
    {each.value for each in AuthMethod},
)
"""Ciphers, hashes (vpnc knows no better one than sha1), groups, and methods of IKEv1."""
BEARABLE = frozenset(each.value for each in Hash if each in WEAK and WEAK[each].bearable)
"""Hashes for clients that have nothing better."""
