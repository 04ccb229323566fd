"""Which `sainfo` is for the traffic of which remote. As in racoon, the more a block says of whom it is for, the earlier
it is looked at; of equals the one that stands first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lotor.config.methods import side_of
from lotor.config.problem import Location, Problem
from lotor.config.settings import Algorithm, Places, RemoteSettings, SainfoSettings, Selector, Settings
from lotor.config.tables.sainfo import SAINFO
from lotor.model.algorithms import AEADS, Cipher, Compression, EspSuite, Integrity
from lotor.model.policy import Side

ANYBODY = {"local": None, "remote": None, "client_address": False, "only_from": None, "group": None}
KEY_LENGTHS = (256, 128)
USUAL = "aes_gcm_16 and aes with hmac_sha256 or hmac_sha1, renewed after 8 hours"


def usual() -> SainfoSettings:
    """For a file that says nothing of it. AES-GCM comes last, behind what every gateway knows. A gateway that prefers
    it chooses it anyway."""
    ciphers = (("aes", Cipher.AES_CBC), ("aes_gcm_16", Cipher.AES_GCM_16))
    integrities = (Integrity.HMAC_SHA256, Integrity.HMAC_SHA1)
    values = {
        "encryption_algorithm": tuple(
            Algorithm(name, cipher, bits) for name, cipher in ciphers for bits in KEY_LENGTHS
        ),
        "authentication_algorithm": tuple(Algorithm(each.value, each) for each in integrities),
        "compression_algorithm": (Algorithm("deflate", Compression.DEFLATE),),
    }
    settings: SainfoSettings = SAINFO.complete(ANYBODY, values, Places())
    return settings


def of_remote(remote: RemoteSettings, sainfos: Iterable[SainfoSettings]) -> list[SainfoSettings]:
    """Those that a remote's SA pairs can have, in the order in which they are looked at. A client has one, because its
    gateway says what goes through the tunnel."""
    fit = [each for each in sainfos if not obstacle(each) and each.remoteid in {0, remote.ph1id}]
    found = sorted(fit, key=weight, reverse=True)
    if side_of(remote) is Side.CLIENT:
        found = [each for each in found if each.group is None] or found
        return [each for each in found if not each.local and not each.remote][:1] or found[:1]
    return found


def suites(sainfo: SainfoSettings) -> tuple[EspSuite, ...]:
    """What a block lets an SA pair have, the best first."""
    integrities = tuple(each.value for each in sainfo.authentication_algorithm if each.value)
    ciphers = [(each.value, each.key_bits) for each in sainfo.encryption_algorithm if each.value]
    return tuple(EspSuite(cipher, bits, each) for cipher, bits in ciphers for each in _beside(cipher, integrities))


def _beside(cipher: Cipher, integrities: tuple[Integrity, ...]) -> tuple[Integrity | None, ...]:
    return (None,) if cipher in AEADS else integrities


def weight(sainfo: SainfoSettings) -> int:
    ends = (sainfo.local is not None) + (sainfo.remote is not None or sainfo.client_address)
    return ends + 3 * (bool(sainfo.remoteid) + (sainfo.only_from is not None) + (sainfo.group is not None))


def obstacle(sainfo: SainfoSettings) -> str:
    """Why a block cannot be carried out; empty where it can."""
    if sainfo.only_from is not None:
        return "peers are told apart in phase 1 only: give this one a remote of its own, and link both by ph1id"
    if any(end and end.network is None for end in (sainfo.local, sainfo.remote)):
        return "a tunnel joins whole networks, all ports and protocols, and no names: write subnet ADDR/prefix any"
    return ""


def problems(remotes: Iterable[RemoteSettings], sainfos: tuple[SainfoSettings, ...]) -> Iterator[Problem]:
    """Remotes for which no block is left, and blocks for the same traffic."""
    for remote in remotes:
        if not of_remote(remote, sainfos):
            yield _nothing_for(remote, sainfos)
    yield from _twice(sainfos)


def _nothing_for(remote: RemoteSettings, sainfos: tuple[SainfoSettings, ...]) -> Problem:
    hindered = next((each for each in sainfos if obstacle(each)), None)
    if hindered is not None:
        return Problem.at(place(hindered), f"this sainfo cannot be carried out: {obstacle(hindered)}")
    return Problem.at(remote.places.head, "no sainfo is for this remote: add sainfo anonymous { … }")


def _twice(sainfos: tuple[SainfoSettings, ...]) -> Iterator[Problem]:
    first: dict[object, SainfoSettings] = {}
    for each in sainfos:
        whom = (_text(each.local), _text(each.remote), each.client_address, _text(each.only_from), each.group)
        found = first.setdefault((*whom, each.remoteid), each)
        if found is not each:
            text = f"there is a sainfo for the same traffic already, at {found.places.head}: take one of them out"
            yield Problem.at(each.places.head, text)


def advice(settings: Settings) -> Iterator[Problem]:
    """Blocks without effect."""
    clients_only = all(side_of(remote) is Side.CLIENT for remote in settings.remotes)
    for each in settings.sainfos:
        if why := obstacle(each):
            yield Problem.at(place(each), f"this sainfo has no effect: {why}")
        elif (each.local or each.remote) and clients_only and not (each.remote and _kernel_looks(settings)):
            text = "the ends of this sainfo have no effect: the gateway says what goes through a client's tunnel"
            yield Problem.at(place(each), text)


def _kernel_looks(settings: Settings) -> bool:
    """Whether the networks of a peer count at a client, too: one without an inner address, whose policies in the kernel
    would take all packets of its host."""
    return settings.engine.asks_kernel and not all(remote.mode_cfg for remote in settings.remotes)


def place(sainfo: SainfoSettings) -> Location:
    end = next((end for end in (sainfo.local, sainfo.remote) if end and end.network is None), None)
    said = sainfo.only_from or end
    return said.at if said else sainfo.places.head


def _text(selector: Selector | None) -> str | None:
    return selector.text if selector else None
