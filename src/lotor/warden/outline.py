"""The state of the program in one line, for `systemctl status`. Nothing in it comes from a peer."""

from __future__ import annotations

from collections.abc import Iterable

from lotor import config
from lotor.config.listening import isakmp, nat_t
from lotor.config.settings import ListenAddress, Settings
from lotor.model.network import Peer
from lotor.warden.warden import Warden

MOST_PLACES = 4


def outline(warden: Warden, *, serves: bool = True) -> str:
    """`serves`: a daemon does."""
    return of(warden.settings[0], warden.sessions, warden.tunnels, serves=serves)


def of(settings: Settings, sessions: int, tunnels: int, *, serves: bool) -> str:
    """`sessions` of people at this gateway, `tunnels` of this host to gateways."""
    if not serves:
        return "no daemon serves: it is started again"
    gateway = config.is_gateway(settings)
    counted = [_counted(sessions, "session")] if gateway or sessions else []
    counted += [f"{_counted(tunnels, 'tunnel')} of this host"] if tunnels or not gateway else []
    where = [f"listening on {_places((*isakmp(settings.listen), *nat_t(settings.listen)))}"] if gateway else []
    return ", ".join((*counted, *where))


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _places(wanted: Iterable[ListenAddress]) -> str:
    """Ports alone where they are those of every address."""
    named = tuple(wanted)
    if all(each.address.is_unspecified for each in named):
        return "UDP ports " + " and ".join(map(str, dict.fromkeys(each.port for each in named)))
    told = [str(Peer(each.address, each.port)) for each in named]
    more = [f"{len(told) - MOST_PLACES} more"] if len(told) > MOST_PLACES else []
    return ", ".join([*told[:MOST_PLACES], *more])
