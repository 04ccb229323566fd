"""PEAP at the gateway, version 0: another method of EAP inside of TLS, as Windows has it with MSCHAPv2.

The gateway begins inside by asking for the name, which is who logs in, and both ends say inside how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap import gtc, mschap
from lotor.ike.v2.eap.talk import Proved, Talk, broken
from lotor.ike.v2.eap.ttls import Method, inside
from lotor.ike.v2.eap.tunnel import Tunnel, guarded
from lotor.ike.v2.story import Story
from lotor.model.reason import Reason
from lotor.model.tls import TlsMethod
from lotor.wire.eap import packet, peap
from lotor.wire.eap.packet import Packet, Type

INNER: Mapping[int, Method] = {Type.MSCHAPV2: mschap.gateway, Type.GTC: gtc.gateway}
"""Methods inside, in the order in which they are asked for: Windows has the first alone."""


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    return (yield from guarded(talk, user, _gateway(talk, user)))


def _gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    tunnel = Tunnel(talk, TlsMethod.PEAP, user)
    refused = yield from tunnel.stand(asks=False)
    if refused is not None:
        return refused
    tunnel.demand_silence()
    msk = tunnel.progress.msk
    yield from tunnel.close()
    within = Bare(talk.session, tunnel=tunnel)
    proved = yield from _log_in(within)
    if not peap.is_success((yield from within.tell(success=True)).data):
        raise broken("the client does not agree to the success of PEAP")
    return replace(proved, msk=msk, packet=talk.success())


def _log_in(within: Bare) -> Story[Proved]:
    """A refusal is told inside as well, before it is outside, by the number of what was said last."""
    try:
        name = yield from within.ask(Type.IDENTITY)
        return (yield from inside(within, packet.identity_of(name), INNER))
    except Denied as denied:
        if within.refuses:
            yield from within.tell(success=False)
            within.tunnel.talk.deny(denied.reason)
        raise


@dataclass(slots=True, kw_only=True)
class Bare(Talk):
    """The conversation inside: packets without header, and its end is that of the one outside. `refuses`: this end has
    refused the login, and the tunnel stands."""

    tunnel: Tunnel
    refuses: bool = False

    def exchange(self, octets: bytes) -> Story[bytes]:
        heard = yield from self.tunnel.say(peap.bare(octets))
        return peap.whole(heard, octets[1])

    def tell(self, *, success: bool) -> Story[Packet]:
        return (yield from self.ask(peap.EXTENSIONS, peap.encode_result(success=success)))

    def deny(self, reason: Reason, octets: bytes = b"") -> NoReturn:
        del octets
        self.refuses = True
        self.tunnel.talk.deny(reason)
