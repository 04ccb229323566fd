"""Rows of the table of remote: which versions of IKE a block speaks, and what it says of IKEv2 alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lotor.config.arguments import Argument, Duration, ListOf
from lotor.config.choices import SWITCH, AlgorithmOf, Choice, Keyword
from lotor.config.directive import Directive, Use
from lotor.config.ikev2_settings import Ike2Proposal
from lotor.config.settings import Algorithm
from lotor.config.tables.algorithms import ESP_CIPHERS, GROUPS, HASHES
from lotor.config.words import Mistake, Words
from lotor.model.algorithms import AEADS, KEMS, Cipher, EapMethod, Group, Hash, Ike2Suite, Integrity, Proving, Within
from lotor.model.policy import Ppk
from lotor.model.redirection import MOST_GATEWAYS, Occasion, named

MOST_MORE = 7
"""Additional key exchanges of one proposal (RFC 9370 §2.2.1)."""
DEFAULT = (
    "what a block without this line has: AES-256 and -128 in GCM or CBC mode and ChaCha20, SHA-2, and all groups from "
    "modp2048 to modp4096 and from ecp256 on"
)
HARDEN = (
    "Windows whose settings nobody changed offers no other group: better change them, as docs/ikev2.md says, than "
    "write this"
)
_WITH_CODE = {Cipher.AES_CBC, Cipher.AES_GCM_16, Cipher.CHACHA20_POLY1305, Cipher.TRIPLE_DES_CBC}


def _hardened(choice: Choice) -> Choice:
    return replace(choice, weak=f"{choice.weak}; {HARDEN}") if choice.value is Group.MODP1024 else choice


CIPHERS = AlgorithmOf(tuple(each for each in ESP_CIPHERS if each.value in _WITH_CODE))
PRFS = AlgorithmOf(tuple(each for each in HASHES if each.value not in {None, Hash.MD5}))
KEY_EXCHANGES = AlgorithmOf(tuple(_hardened(each) for each in GROUPS))
MORE = AlgorithmOf(
    (
        Choice("mlkem768", Group.MLKEM768, "ML-KEM-768, safe from quantum computers", aliases=("36",)),
        Choice("mlkem1024", Group.MLKEM1024, "ML-KEM-1024, the same with larger keys", aliases=("37",)),
        *(each for each in GROUPS if each.value and not each.weak),
    )
)
INTEGRITY_OF = {
    Hash.SHA1: Integrity.HMAC_SHA1,
    Hash.SHA256: Integrity.HMAC_SHA256,
    Hash.SHA384: Integrity.HMAC_SHA384,
    Hash.SHA512: Integrity.HMAC_SHA512,
}


class OneProposal(Argument):
    """`default`, or cipher, hash, group and perhaps more groups. A cipher that does not authenticate by itself has the
    HMAC of the hash beside it, which is the PRF, too."""

    def read(self, words: Words) -> Ike2Proposal:
        following, at = words.peek(), words.at
        if following is not None and following.text == "default":
            words.take("default")
            return Ike2Proposal(None, at=at)
        cipher: Algorithm[Cipher] = CIPHERS.read(words)
        prf: Algorithm[Hash] = PRFS.read(words)
        group: Algorithm[Group] = KEY_EXCHANGES.read(words)
        more = self._more(words)
        if cipher.value is None or prf.value is None or group.value is None:
            return Ike2Proposal(None, refused=True, at=at)
        integrity = None if cipher.value in AEADS else INTEGRITY_OF[prf.value]
        return Ike2Proposal(Ike2Suite(cipher.value, cipher.key_bits, integrity, prf.value, group.value, more), at=at)

    @staticmethod
    def _more(words: Words) -> tuple[Group, ...]:
        found: list[Algorithm[Group]] = []
        known = {word for choice in MORE.choices for word in choice.words}
        while (following := words.peek()) is not None and following.text in known:
            found.append(MORE.read(words))
        if len(found) > MOST_MORE:
            raise Mistake(found[-1].at, f"{words.name} takes at most {MOST_MORE} more groups behind the first")
        return tuple(each.value for each in found if each.value)

    def syntax(self) -> str:
        return "(default | CIPHER [bits] HASH GROUP [MORE …])"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        named = [("CIPHER", CIPHERS), ("HASH", PRFS), ("GROUP", KEY_EXCHANGES)]
        kems = tuple(each for each in MORE.choices if each.value in KEMS)
        listed = [*named, ("MORE", Keyword(kems))]
        return (
            ("default", DEFAULT),
            *((word, _listed(choices)) for word, choices in listed),
        )


def _listed(choices: Keyword) -> str:
    """The words, and what is wrong with some of them."""
    usable = [each for each in choices.choices if not each.refused]
    return ", ".join(f"{each.word} ({each.weak})" if each.weak else each.word for each in usable)


BOTH = (2, 1)
VERSION = Keyword(
    (
        Choice("1", (1,), "IKEv1 alone, as racoon"),
        Choice("2", (2,), "IKEv2 alone; the block needs neither exchange_mode nor proposal"),
        Choice("both", BOTH, "a gateway answers either; a client begins with IKEv2"),
    )
)
WAYS = Keyword(
    (
        Choice("pubkey", Proving.CERTIFICATE, "by certificate and signature"),
        Choice("psk", Proving.SHARED_KEY, "by a key of path pre_shared_key"),
        Choice("eap", Proving.EAP, "by a login, as `eap` says; only clients do"),
    )
)


class Way(Argument):
    """How an end proves itself, and perhaps that a login follows: `pubkey then eap` is the device, then the person."""

    def read(self, words: Words) -> Proving:
        way: Proving = WAYS.read(words)
        following, at = words.peek(), words.at
        if following is None or following.text != "then":
            return way
        words.take("then")
        if words.take("eap").text != "eap" or way is Proving.EAP:
            raise Mistake(at, f"{words.name} takes pubkey then eap, or psk then eap: the device, then the person")
        return way.then_eap

    def syntax(self) -> str:
        return f"({WAYS.syntax()}) [then eap]"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        then = "the device first, then the person who logs in (RFC 4739); strongSwan and lotor have it"
        return (*WAYS.remarks(), ("then eap", then))


PROVINGS = Way()
_TTLS = (
    "name and password inside of TLS, as they are or by gtc or mschapv2, for every auth_source; Windows and strongSwan "
    "have it"
)
EAP_METHODS = Keyword(
    (
        Choice(
            "mschapv2",
            EapMethod.MSCHAPV2,
            "name and password, as Windows, Apple's and Android's clients have it; the gateway keeps an NT hash of "
            "those users (`lotor user passwd --mschap`)",
        ),
        Choice(
            "gtc",
            EapMethod.GTC,
            "name and password, or a one-time code, for every auth_source; strongSwan and lotor have it, the clients "
            "of Windows, Apple and Android do not",
        ),
        Choice("radius", EapMethod.RADIUS, "gateway: the servers of auth_source radius speak with the client"),
        Choice("ttls", EapMethod.TTLS, _TTLS),
        Choice("tls", EapMethod.TLS, "a certificate of the person, inside of EAP"),
        Choice("peap", EapMethod.PEAP, "mschapv2 or gtc inside of TLS, as Windows has it"),
    )
)
WITHIN = Keyword(
    (
        Choice("eap", Within.EAP, "by gtc or mschapv2, as the server asks; gateways of lotor and strongSwan take it"),
        Choice("pap", Within.PAP, "the password as it is, at once; a code of a second factor is typed behind it"),
    )
)


PPK = Keyword(
    (
        Choice("off", Ppk.OFF, "no PPK"),
        Choice("on", Ppk.ON, "with a PPK where both ends have one, else without"),
        Choice("required", Ppk.REQUIRED, "with a PPK, or not at all"),
    )
)


class GatewayName(Argument):
    """The name or the address of another gateway, or another server."""

    def __init__(self, what: str = "gateway") -> None:
        self._what = what

    def read(self, words: Words) -> str:
        token = words.quoted(f"the name or the address of a {self._what} in quotes")
        try:
            return str(named(token.text))
        except ValueError:
            text = f"{token} is neither an address nor the name of a host: {words.name} wants one of them in quotes"
            raise Mistake(token.at, text) from None

    def syntax(self) -> str:
        return f'"{self._what.upper()}"'


MINUTE, DAY = 60, 86_400


class OffOrTime(Argument):
    """A time in seconds, or `off` for 0."""

    def __init__(self, time: Duration) -> None:
        self._time = time

    def read(self, words: Words) -> int:
        following = words.peek()
        if following is not None and following.text == "off":
            words.take("off")
            return 0
        return self._time.read(words)

    def syntax(self) -> str:
        return f"(off | {self._time.syntax()})"

    def limits(self) -> str:
        return self._time.limits()


OCCASIONS = Keyword(
    (
        Choice("draining", Occasion.DRAINING, "from `lotor drain` on, which names no gateway itself"),
        Choice("full", Occasion.FULL, "a client that is logged in, where no address is left for it"),
        Choice("always", Occasion.ALWAYS, "every client that goes where it is sent"),
    )
)


def _row(name: str, argument: Argument, meaning: str, default: Any, text: str, **more: Any) -> Directive:
    return Directive(name, argument, meaning, default=default, default_text=text, use=Use.EXTENSION, **more)


IKEV2 = (
    _row(
        "ike_version",
        VERSION,
        "The versions of IKE that the block speaks.",
        (),
        "1, or both where a directive of IKEv2 stands in the block",
    ),
    _row(
        "ike2_proposal",
        OneProposal(),
        "IKEv2: how the IKE SA is protected, each line one way, the preferred one first.",
        (),
        "default, and what the proposal blocks name beside it, if it is not weak",
        field="ike2_proposals",
        repeatable=True,
        most=64,
    ),
    _row(
        "my_auth",
        PROVINGS,
        "IKEv2: how this end proves itself.",
        None,
        "as the proposal blocks say; without any, a gateway by its certificate, a client by a login, or by the "
        "certificate that it has",
    ),
    _row(
        "peers_auth",
        ListOf(PROVINGS, most=3),
        "IKEv2: how the peer may prove itself.",
        (),
        "as the proposal blocks say, and eap where `eap` stands; without any, a gateway by its certificate, a client "
        "by a login",
    ),
    _row(
        "eap",
        ListOf(EAP_METHODS, most=3),
        "IKEv2: how people log in. A gateway asks for the first, and for the next where the client declines; a client "
        "agrees to these only.",
        (),
        "as auth_source says: radius for radius, mschapv2 and gtc for local, gtc for the others; a client has "
        "mschapv2 and gtc",
    ),
    _row(
        "eap_server",
        GatewayName("server"),
        "IKEv2, client: the name that the certificate has to have which a server shows inside of ttls, peap or tls: "
        "that of a RADIUS server behind the gateway. Its authority is among those of ca_type.",
        None,
        "the gateway itself, by the same rules as for IKE",
    ),
    _row(
        "ttls_inside",
        WITHIN,
        "IKEv2, client: how it logs in inside of ttls. Many RADIUS servers take pap alone there.",
        Within.EAP,
        "eap",
    ),
    _row(
        "eap_identity",
        SWITCH,
        "IKEv2, gateway: ask the client for its name first. The identity that IKE carries is an address with Windows, "
        "and anything with others.",
        True,
        "on",
    ),
    _row(
        "ike2_lifetime",
        Duration(1),
        "IKEv2: after this time this end makes new keys for the IKE SA; nobody logs in again.",
        None,
        "24 hour on a gateway, so that clients come first; 8 hour on a client",
    ),
    _row(
        "mobike",
        SWITCH,
        "IKEv2: a client may change its address and keep its connection (RFC 4555).",
        True,
        "on",
    ),
    _row(
        "esn",
        SWITCH,
        "IKEv2: sequence numbers of 64 bits in ESP, where the peer has them, too.",
        True,
        "on",
    ),
    _row(
        "eap_only",
        SWITCH,
        "IKEv2: the gateway proves itself inside of EAP alone (RFC 5998), by eap tls or ttls. A gateway does it for "
        "every client that says it can, as strongSwan always does: all of them have to be set up for it.",
        False,
        "off",
    ),
    _row(
        "childless",
        SWITCH,
        "IKEv2: a client comes in without an SA pair (RFC 6023), where its gateway knows that, and asks for one then: "
        "with pfs_group its keys do not depend on those of the first exchange. A gateway always lets clients do so.",
        False,
        "off",
    ),
    _row(
        "ppk",
        PPK,
        "IKEv2: mix a post-quantum pre-shared key of path ppk into the keys (RFC 8784): who records the traffic cannot "
        "read it with a quantum computer later. strongSwan, libreswan, iOS 18 and lotor have it.",
        Ppk.OFF,
        "off",
    ),
    _row(
        "redirect_to",
        ListOf(GatewayName(), most=MOST_GATEWAYS),
        "IKEv2, gateway: the other gateways to which clients are sent (RFC 5685), some to each; this one itself is "
        "left out.",
        (),
        "none",
    ),
    _row(
        "redirect",
        ListOf(OCCASIONS, most=3),
        "IKEv2, gateway: when clients are sent to the gateways of `redirect_to`. Those that do not go where they are "
        "sent are let in.",
        (),
        "draining, full",
    ),
    _row(
        "redirect_proved",
        SWITCH,
        "IKEv2, gateway: clients hear of another gateway when this one has proved itself, so that the other one may "
        "have another name; off: at their first message, which costs next to nothing.",
        False,
        "off",
    ),
    _row(
        "resumption",
        OffOrTime(Duration(MINUTE, DAY)),
        "IKEv2: for so long behind a login a client comes back by a ticket of the gateway (RFC 5723), without a "
        "password and without a code; each ticket counts once. A gateway gives tickets, with auth_source local and "
        "system, a client keeps them in memory.",
        None,
        "off on a gateway, since only the administrator can say whether people may come back without a code; 24 hour "
        "on a client",
    ),
    _row(
        "follow_redirects",
        SWITCH,
        "IKEv2, client: go to another gateway when this one says so (docs/ikev2.md tells what the other one has to "
        "prove).",
        True,
        "on",
    ),
)
