"""Who meets whom in the tests, by which method and in which mode; docs/interop.md is made from it.

`python -m lab.matrix > docs/interop.md`
"""

from __future__ import annotations

import sys

METHODS = {
    "hybrid": "hybrid_rsa",
    "xauth_psk": "xauth_psk",
    "xauth_rsa": "xauth_rsa",
    "psk": "pre_shared_key",
    "rsa": "rsasig",
}
"""Short names, and what racoon.conf calls them (without _server and _client)."""

MODES = ("main", "aggressive")

PAIRS = (("lotor", "lotor"), ("strongSwan", "lotor"), ("lotor", "strongSwan"), ("vpnc", "lotor"))
"""Client and gateway."""

VPNC = (("hybrid", "aggressive"), ("xauth_psk", "aggressive"))
"""All that vpnc can do."""

_INTRODUCTION = """\
# Who connects to whom

<!-- Made from lab/matrix.py by `python -m lab.matrix`. -->

Each *yes* is a test of `make test` (tests/interop/test_interop_matrix.py) with
the real programs in network namespaces, the client behind a NAT router: phase 1,
login where the method has one, address by mode config, pings and a transfer
whichever end begins, goodbye. The algorithms are those of the HOW-TO (aes 128,
sha1, modp1024), which every one of these programs has.

"""
_END = """
vpnc knows aggressive mode only, and neither certificates of users nor methods
without a login. With another group key, or a certificate of another authority,
nobody gets an address: that is tested for each method and mode, too.
"""


def cases(client: str) -> list[tuple[str, str]]:
    """Method and mode of each meeting of this kind of client."""
    return list(VPNC) if client == "vpnc" else [(method, mode) for method in METHODS for mode in MODES]


def page() -> str:
    """The whole document."""
    heads = ["method", "mode", *(f"{client} at {gateway}" for client, gateway in PAIRS)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for method, name in METHODS.items():
        for mode in MODES:
            met = ["yes" if (method, mode) in cases(client) else "-" for client, _ in PAIRS]
            lines.append(_row([f"`{name}`", mode, *met]))
    return _INTRODUCTION + "\n".join(lines) + "\n" + _END


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
