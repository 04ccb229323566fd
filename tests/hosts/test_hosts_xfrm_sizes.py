"""The MTU of the device of the kernel's ESP: what fits with every suite, by every address, in every `esp_frag`."""

from __future__ import annotations

import pytest

from lotor.config import loads
from lotor.hosts.xfrm.sizes import inner_mtu

ONLY_4 = "listen { isakmp 192.0.2.50; isakmp_natt 192.0.2.50[4500]; }"
REMOTE = """remote 192.0.2.%d { exchange_mode main; esp_frag %d; proposal {
    encryption_algorithm aes; hash_algorithm sha256; authentication_method pre_shared_key; dh_group 14; } }
"""
LARGEST_HEAD, LARGEST_TAIL, BLOCK = 8 + 16, 32, 16
"""ESP with AES-CBC and HMAC-SHA-512."""


def sealed(inner: int, headers: int) -> int:
    """Octets of an outer datagram."""
    return headers + LARGEST_HEAD + (inner + 2 + BLOCK - 1) // BLOCK * BLOCK + LARGEST_TAIL


@pytest.mark.parametrize(("listen", "headers"), [(ONLY_4, 28), ("", 48)], ids=["IPv4", "IPv6 too"])
@pytest.mark.parametrize(("limits", "outer"), [((), 1500), ((552,), 552), ((1400, 900, 65535), 900)])
def test_the_smallest_limit_holds_for_every_suite(listen, headers, limits, outer):
    blocks = "".join(REMOTE % pair for pair in enumerate(limits, 1))
    mtu = inner_mtu(loads(f"{listen}\n{blocks}").settings)
    assert sealed(mtu, headers) <= outer < sealed(mtu + 1, headers)
