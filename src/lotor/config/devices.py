"""What the clients that devices already have will find wrong with a block that speaks IKEv2.

Their proposals are what their makers' documents and public logs show; a profile or a script can change most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from lotor.model.algorithms import Cipher, EapMethod, EspSuite, Group, Hash, Ike2Suite, Integrity, Proving
from lotor.model.frozen import frozen
from lotor.model.policy import Ppk, RemotePolicy, V2Policy

PAGE = "docs/ikev2.md"
BUILT_IN = frozenset({EapMethod.MSCHAPV2, EapMethod.RADIUS})
"""What a client that came with a device can log in by; what a RADIUS server speaks with it is not known here."""

SET_UP = {"Windows": frozenset({EapMethod.TTLS, EapMethod.TLS, EapMethod.PEAP}), "Apple": frozenset({EapMethod.TLS})}
"""Beside that, by what the client of a maker can log in once it is set up for it."""


@frozen
class Finding:
    """What is in the way of a kind of client. `refuses`: it cannot connect; else it has to be set up for it."""

    client: str
    refuses: bool
    text: str


@frozen
class Routes:
    """The networks of IPv4 of a split tunnel: how many, how many of them DHCP has no room for, and whether a DHCPINFORM
    is answered. `kernel`: the configuration wants the kernel's engine, which answers none."""

    networks: int
    left_out: int
    informs: bool
    kernel: bool = False


Words = Iterator[tuple[bool, str]]


def found(remote: RemotePolicy, routes: Routes | None = None) -> list[Finding]:
    """Nothing for a block without IKEv2. Of each kind of client, what it will find wrong. `routes` None: everything
    goes through the tunnel."""
    v2 = remote.v2
    if v2 is None:
        return []
    esp = frozenset(suite for rule in remote.children for suite in rule.child.suites)
    wrong = [Finding(name, *each) for name, rules in CLIENTS.items() for each in (*_login(name, v2), *rules(v2, esp))]
    return [*wrong, *(Finding("Windows", False, each) for each in _routed(routes))]


def _login(name: str, v2: V2Policy) -> Words:
    """True of all that came with a device."""
    if all(each.twice for each in v2.peer):
        yield True, f"it proves itself once, and no login follows a certificate: peers_auth is {_ways(v2)} alone"
    known = SET_UP.get(name, frozenset()) & set(v2.eap)
    if v2.peer == (Proving.EAP,) and known and not BUILT_IN & set(v2.eap):
        yield False, f"it logs in by {_listed(each for each in v2.eap if each in known)} once it is set up for it"
    elif v2.peer == (Proving.EAP,) and not BUILT_IN & set(v2.eap):
        yield (
            True,
            (
                f"it logs in by mschapv2, or by what a RADIUS server speaks: eap is {_listed(v2.eap)} (write eap "
                "mschapv2, gtc; with auth_source local, or eap radius;)"
            ),
        )
    elif v2.peer == (Proving.EAP,) and EapMethod.MSCHAPV2 in v2.eap:
        yield False, "only users with an NT hash get in: lotor user passwd --mschap NAME"


def _ways(v2: V2Policy) -> str:
    return ", ".join(each.value for each in v2.peer)


def _without_ppk(v2: V2Policy) -> Words:
    """True of what Windows and Android have."""
    if v2.ppk is Ppk.REQUIRED:
        yield True, "it has no PPK: write ppk on; to let it in without one"


def _windows(v2: V2Policy, esp: frozenset[EspSuite]) -> Words:
    yield from _without_ppk(v2)
    if v2.peer == (Proving.SHARED_KEY,):
        yield True, "it has no shared keys for IKEv2: write peers_auth eap;"
    if not _any(v2, _WINDOWS_1024):
        text = "it offers modp1024 alone until its settings are changed"
        none = f"{text}, and nothing of what it can offer then is taken: add ike2_proposal default;"
        yield (False, f"{text}: {PAGE} has the lines") if _any(v2, _WINDOWS_HARD) else (True, none)
    if not esp & _WINDOWS_ESP:
        text = "for traffic it offers AES with hmac_sha1 alone until its settings are changed"
        none = f"{text}, then aes_gcm_16, too; the sainfo has neither: add encryption_algorithm aes_gcm_16 256;"
        yield (False, f"{text}: {PAGE} has the lines") if esp & _gcm(128, 256) else (True, none)


def _routed(routes: Routes | None) -> Iterator[str]:
    """Whether Windows learns which networks are behind the gateway."""
    if routes is None:
        return
    scripted = "the script of lotor profile has them, too"
    if routes.kernel:
        yield f"the kernel answers no DHCPINFORM: with its engine Windows takes no routes from this gateway; {scripted}"
    elif not routes.informs:
        yield f"it takes no routes from this gateway: write dhcp_inform on; or give them with its settings ({scripted})"
    elif routes.left_out:
        kept = routes.networks - routes.left_out
        yield f"it asks for its routes by DHCP: of {routes.networks} networks {kept} fit into the answer; {scripted}"
    else:
        yield f"it asks for its routes by DHCP, when its settings say -SplitTunneling ({PAGE})"


def _apple(v2: V2Policy, esp: frozenset[EspSuite]) -> Words:
    if v2.ppk is Ppk.REQUIRED:
        yield False, "it has a PPK since iOS 18 and macOS 15, by the keys PPK and PPKIdentifier of a profile only"
    if not _any(v2, _APPLE):
        yield (
            not _any(v2, _PROFILES),
            (
                "without a profile it offers AES-256 with SHA-256 on ecp256 or modp2048, which no ike2_proposal takes: "
                "write ike2_proposal default;, or name the proposal in the profile"
            ),
        )
    if not esp & {*_gcm(256), _cbc(256, Integrity.HMAC_SHA256)}:
        yield (
            True,
            "for traffic it offers aes_gcm_16 256, and aes 256 with hmac_sha256: the sainfo takes neither",
        )


def _android(v2: V2Policy, esp: frozenset[EspSuite]) -> Words:
    yield from _without_ppk(v2)
    if not _any(v2, _ANDROID):
        yield (
            True,
            (
                "it offers SHA-2 on curve25519 and on modp2048 to modp4096, which no ike2_proposal takes: write "
                "ike2_proposal default;"
            ),
        )
    strong = {_cbc(bits, each) for bits in (128, 192, 256) for each in _SHA2}
    if not esp & {*strong, *_gcm(128, 192, 256), EspSuite(Cipher.CHACHA20_POLY1305, 0, None)}:
        yield (
            True,
            (
                "for traffic it offers aes_gcm_16, and aes with hmac_sha256, 384 or 512, and no hmac_sha1: the sainfo "
                "takes none of them"
            ),
        )


_SHA2 = (Integrity.HMAC_SHA256, Integrity.HMAC_SHA384, Integrity.HMAC_SHA512)
_HASHES2 = (Hash.SHA256, Hash.SHA384, Hash.SHA512)


def _cbc(bits: int, integrity: Integrity) -> EspSuite:
    return EspSuite(Cipher.AES_CBC, bits, integrity)


def _gcm(*bits: int) -> frozenset[EspSuite]:
    return frozenset(EspSuite(Cipher.AES_GCM_16, each, None) for each in bits)


@frozen
class _Offer:
    """Every combination of these."""

    ciphers: frozenset[tuple[Cipher, int]]
    hashes: tuple[Hash, ...]
    groups: frozenset[Group]

    def has(self, suite: Ike2Suite) -> bool:
        cipher = (suite.cipher, suite.key_bits) in self.ciphers
        return cipher and suite.prf in self.hashes and suite.group in self.groups and not suite.more


def _aes(*bits: int) -> frozenset[tuple[Cipher, int]]:
    return frozenset((cipher, each) for cipher in (Cipher.AES_CBC, Cipher.AES_GCM_16) for each in bits)


_WINDOWS_ESP = frozenset(_cbc(bits, Integrity.HMAC_SHA1) for bits in (128, 256))
_WINDOWS_1024 = _Offer(
    _aes(128, 256) | {(Cipher.TRIPLE_DES_CBC, 0)}, (Hash.SHA1, Hash.SHA256, Hash.SHA384), frozenset({Group.MODP1024})
)
_WINDOWS_HARD = _Offer(
    _aes(128, 256),
    (Hash.SHA1, Hash.SHA256, Hash.SHA384),
    frozenset({Group.MODP2048, Group.ECP256, Group.ECP384}),
)
_APPLE = _Offer(_aes(256), (Hash.SHA256,), frozenset({Group.ECP256, Group.MODP2048}))
_ANDROID = _Offer(
    _aes(128, 192, 256) | {(Cipher.CHACHA20_POLY1305, 0)},
    _HASHES2,
    frozenset({Group.CURVE25519, Group.MODP2048, Group.MODP3072, Group.MODP4096}),
)
_PROFILES = _Offer(_aes(128, 256) | {(Cipher.CHACHA20_POLY1305, 0)}, _HASHES2, frozenset(Group))
"""What a profile of Apple's could name."""


def _any(v2: V2Policy, offer: _Offer) -> bool:
    return any(map(offer.has, v2.proposals))


def _listed(methods: Iterable[EapMethod]) -> str:
    return ", ".join(each.value for each in methods)


CLIENTS: dict[str, Callable[[V2Policy, frozenset[EspSuite]], Words]] = {
    "Windows": _windows,
    "Apple": _apple,
    "Android": _android,
}
