"""The same peers and judges as in the tests of trust: what the signer signs is judged by them."""

from __future__ import annotations

from trust.conftest import ca, client, gateway

__all__ = ["ca", "client", "gateway"]
