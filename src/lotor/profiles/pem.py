"""DER as PEM (RFC 7468)."""

from __future__ import annotations

import base64

WIDTH = 64


def pem(der: bytes, label: str = "CERTIFICATE") -> str:
    encoded = base64.b64encode(der).decode()
    lines = [encoded[start : start + WIDTH] for start in range(0, len(encoded), WIDTH)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
