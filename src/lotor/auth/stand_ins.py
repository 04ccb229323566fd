"""What the password of a name without an account is hashed as: it costs as much as the password of an account.

Where accounts have hashes of several kinds, names without one have them in the same proportions, each name always the
same kind: from the time that a refusal takes nobody learns whether there is such a user.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable

SHARES = 1 << 32


class StandIns:
    """`hashes` of the accounts there are; `kind` tells those of different costs apart; `otherwise` if there is none."""

    def __init__(self, hashes: Iterable[str], kind: Callable[[str], str], otherwise: str) -> None:
        counts: Counter[str] = Counter()
        first: dict[str, str] = {}
        for each in hashes:
            counts[kind(each)] += 1
            first.setdefault(kind(each), each)
        self._kinds = [(first[name], counts[name]) for name in sorted(counts)] or [(otherwise, 1)]
        self._count = sum(count for _, count in self._kinds)
        self._secret = next(iter(first.values()), otherwise).encode("utf-8", "surrogateescape")

    def of(self, name: str) -> str:
        """The hash to compare with. Which kind it is depends on the first hash of all: nobody outside knows it."""
        key = hashlib.blake2b(self._secret).digest()
        drawn = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=key, digest_size=4).digest()
        place = int.from_bytes(drawn, "big") * self._count // SHARES
        for stand_in, count in self._kinds:
            place -= count
            if place < 0:
                return stand_in
        return self._kinds[-1][0]


def crypt_kind(stored: str) -> str:
    """The scheme of a hash of libcrypt, and what it costs: all before the salt."""
    if not stored.startswith("$"):
        return "des"
    fields = stored.split("$")
    scheme, cost = fields[1], fields[2] if len(fields) > 2 else ""
    if scheme == "7":
        return f"7${cost[:11]}"
    has_cost = scheme in {"y", "gy"} or scheme.startswith("2") or cost.startswith("rounds=")
    return f"{scheme}${cost}" if has_cost else scheme


def phc_kind(stored: str) -> str:
    """The parameters of a PHC text."""
    return stored.rpartition("$")[0].rpartition("$")[0]
