"""Requests that the key of an account signs (RFC 7515, RFC 8555 §6.2): ES256 alone."""

from __future__ import annotations

import base64
import json

from lotor.crypto.hashes import digest
from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.signatures import public_octets
from lotor.model.algorithms import Curve, Hash

NUMBER = 32
"""Octets of a coordinate on P-256."""


def thumbprint(key: KeyPair) -> str:
    """RFC 7638: what authorities know the account's key by."""
    return _text(digest(Hash.SHA256, _json(_public(key))))


def signed(key: KeyPair, fields: dict[str, str], payload: bytes) -> bytes:
    """A JWS in JSON. `fields`: of its head, beside what tells the key: that of an account (`kid`), else the public key
    itself goes along. `ValueError` for a key that is not on P-256."""
    head: dict[str, object] = {"alg": "ES256", **fields, **({} if "kid" in fields else {"jwk": _public(key)})}
    protected, body = _text(_json(head)), _text(payload)
    signature = key.sign(digest(Hash.SHA256, f"{protected}.{body}".encode()))
    return _json({"protected": protected, "payload": body, "signature": _text(signature)})


def _public(key: KeyPair) -> dict[str, str]:
    """In the order in which a thumbprint has its members."""
    if key.curve is not Curve.P256:
        raise ValueError("an account of ACME has a key on P-256")
    point = public_octets(key.handle.public_key())[-2 * NUMBER :]
    return {"crv": "P-256", "kty": "EC", "x": _text(point[:NUMBER]), "y": _text(point[NUMBER:])}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
