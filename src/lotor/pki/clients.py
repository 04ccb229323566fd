"""A gateway's certificate as each kind of client judges it: what it will refuse, before a person stands before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta

from lotor.crypto.certificates import Certificate, states_server_usage
from lotor.model.algorithms import Curve
from lotor.model.frozen import frozen

SOON = timedelta(days=30)
LONGEST, LONGEST_PUBLIC = timedelta(days=825), timedelta(days=398)
EVERYBODY = "everybody"
"""In the place of a client: what they all make of it."""
NOT_RSA = (
    "the key is not RSA: its clients of IKEv1 take no other",
    "the key is not RSA: its clients of IKEv1 take no other, and those of IKEv2 this one with a profile only",
)
NO_RSA, NO_CURVE = "the key is not RSA", "the key is neither RSA nor of a curve of ECDSA"
NO_WINDOWS_CURVE = "the key is neither RSA nor of P-256 or P-384"
OF_KEYS = frozenset({*NOT_RSA, NO_RSA, NO_CURVE, NO_WINDOWS_CURVE})
"""What one of RSA beside it answers."""
ELLIPTIC_FIRST = (
    "the certificate that stands first has no RSA key, and a device that names its authority is shown the first: where "
    "profiles name one, let that of RSA stand first"
)
WEAK_DIGESTS = frozenset({"md5", "sha1"})


@frozen
class Judgement:
    """What a client makes of a certificate. `refuses`: it does not connect; otherwise it may be as good."""

    client: str
    refuses: bool
    text: str


def judged(
    chain: Sequence[Certificate], names: Sequence[str], now: datetime, versions: Collection[int] = (1,)
) -> list[Judgement]:
    """`chain`: leaf first, as the gateway sends it. `names`: addresses and host names by which clients know it; empty:
    nobody knows. `versions`: of IKE, that the gateway speaks."""
    found = []
    for client, (versions_of, rules) in CLIENTS.items():
        if versions_of & set(versions):
            found += [Judgement(client, refuses, text) for refuses, text in rules(chain, names)]
    if chain[0].rsa_key is None:
        found.append(Judgement("Apple", 2 not in versions, NOT_RSA[2 in versions]))
    return [*expiring(chain, now), *found]


def judged_together(
    chains: Sequence[Sequence[Certificate]], names: Sequence[str], now: datetime, versions: Collection[int] = (1,)
) -> list[Judgement]:
    """Of all that stand in one block, in the order of the file: each client is shown the one that it can judge."""
    found = [judged(chain, names, now, versions) for chain in chains]
    classic = [chain[0].rsa_key is not None for chain in chains]
    if any(classic):
        for number, rsa in enumerate(classic):
            found[number] = found[number] if rsa else [each for each in found[number] if _counts_beside_rsa(each)]
    told = list(dict.fromkeys(each for one in found for each in one))
    first = any(classic) and not classic[0] and 2 in versions
    return [*told, Judgement("Apple", False, ELLIPTIC_FIRST)] if first else told


def _counts_beside_rsa(judgement: Judgement) -> bool:
    return judgement.client != "vpnc" and judgement.text not in OF_KEYS


def expiring(chain: Sequence[Certificate], now: datetime) -> Iterator[Judgement]:
    for certificate in chain:
        left, name = certificate.not_after - now, str(certificate.subject) or "a certificate"
        if left < timedelta():
            yield Judgement(EVERYBODY, True, f"{name} expired on {certificate.not_after:%Y-%m-%d}: make a new one")
        elif left < SOON:
            text = f"{name} expires on {certificate.not_after:%Y-%m-%d}, in {left.days} days: make a new one"
            yield Judgement(EVERYBODY, False, text)
        if now < certificate.not_before:
            text = f"{name} is valid from {certificate.not_before:%Y-%m-%d %H:%M} UTC on: is the clock right?"
            yield Judgement(EVERYBODY, True, text)


Verdicts = Iterator[tuple[bool, str]]


def _apple(chain: Sequence[Certificate], names: Sequence[str]) -> Verdicts:
    leaf = chain[0]
    if leaf.rsa_key is not None and leaf.key_bits < 2048:
        yield True, f"the key has {leaf.key_bits} bits: 2048 are needed"
    if not (leaf.dns_names or leaf.addresses):
        yield True, "there is no subject alternative name: the common name does not count"
    if not states_server_usage(leaf):
        yield True, "extended key usage does not say serverAuth"
    if leaf.digest in WEAK_DIGESTS:
        yield True, f"it is signed with {leaf.digest}: SHA-256 is needed"
    yield from _lifetime(leaf.not_after - leaf.not_before)
    yield from _unnamed(leaf, names)


def _lifetime(valid: timedelta) -> Verdicts:
    if valid > LONGEST + timedelta(days=1):
        yield True, f"it is valid for {valid.days} days: more than 825 are refused"
    elif valid > LONGEST_PUBLIC + timedelta(days=1):
        yield (
            False,
            f"it is valid for {valid.days} days: a public authority may give 398, your own more",
        )


def _windows(chain: Sequence[Certificate], names: Sequence[str]) -> Verdicts:
    leaf = chain[0]
    if not states_server_usage(leaf):
        yield True, "extended key usage does not say serverAuth (error 13801)"
    if leaf.rsa_key is None and leaf.curve not in {Curve.P256, Curve.P384}:
        yield True, NO_WINDOWS_CURVE
    for name in names:
        if name not in leaf.dns_names and _is_address(name):
            yield False, f"{name} must stand among the host names of the certificate, too, where people type it (13801)"
    yield from _unnamed(leaf, [name for name in names if not _is_address(name)])


def _vpnc(chain: Sequence[Certificate], names: Sequence[str]) -> Verdicts:
    del names  # it compares none
    if chain[0].rsa_key is None:
        yield True, NO_RSA
    if len(chain) > 1:
        more = len(chain) - 1
        yield False, f"it takes one certificate: {more} more must stand in its CA-File, beside the authority's"


def _strongswan(chain: Sequence[Certificate], names: Sequence[str]) -> Verdicts:
    yield from _unnamed(chain[0], names)


def _unnamed(leaf: Certificate, names: Sequence[str]) -> Verdicts:
    for name in names:
        if not is_named(leaf, name):
            yield True, f"{name} is not in it, as which the gateway is known here"


def is_named(leaf: Certificate, name: str) -> bool:
    """Whether clients that compare names take it for that of the gateway."""
    said = {each.lower() for each in (*leaf.dns_names, *map(str, leaf.addresses), *leaf.emails)}
    return name.lower() in said or _wildcard(name.lower(), said)


def _wildcard(name: str, said: set[str]) -> bool:
    first, dot, rest = name.partition(".")
    return bool(first and dot) and f"*.{rest}" in said and not _is_address(name)


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


def _android(chain: Sequence[Certificate], names: Sequence[str]) -> Verdicts:
    leaf = chain[0]
    if leaf.rsa_key is None and leaf.curve is None:
        yield True, NO_CURVE
    yield from _unnamed(leaf, names)


EITHER = frozenset({1, 2})
CLIENTS: dict[str, tuple[frozenset[int], Callable[[Sequence[Certificate], Sequence[str]], Verdicts]]] = {
    "Apple": (EITHER, _apple),
    "Windows": (EITHER, _windows),
    "Android": (frozenset({2}), _android),
    "vpnc": (frozenset({1}), _vpnc),
    "strongSwan": (EITHER, _strongswan),
}
"""With the versions of IKE in which each could come. Windows is told of by a gateway of IKEv1, too: it may become one
of both."""
