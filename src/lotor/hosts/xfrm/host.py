"""The ESP of this host's kernel, as a configuration wishes it."""

from __future__ import annotations

from functools import partial

from lotor.config import sainfos
from lotor.config.listening import nat_t
from lotor.config.settings import Ipcomp, Settings
from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.hosts.xfrm.probe import Named, capabilities
from lotor.hosts.xfrm.sizes import inner_mtu
from lotor.model.algorithms import EspSuite


def host_esp(settings: Settings) -> XfrmEsp:
    """Of the network namespace that this process is in. Nothing is asked of the kernel before `open`."""
    probe = partial(capabilities, named(settings))
    return XfrmEsp(Means(probe, Devices(), Xfrm), Wishes(inner_mtu(settings), offload=settings.engine.offload))


async def lacking(settings: Settings) -> frozenset[EspSuite]:
    """The suites that these settings name and this kernel does not carry: for a reload, while SA pairs are there.
    Raises `OSError` as `open` of their engine would."""
    return (await capabilities(named(settings))).lacking


def named(settings: Settings) -> Named:
    """What SA pairs of these settings may need of the kernel."""
    used = [sainfo for remote in settings.remotes for sainfo in sainfos.of_remote(remote, settings.sainfos)]
    offered = [each.value for sainfo in used if sainfo.ipcomp is Ipcomp.OFFER for each in sainfo.compression_algorithm]
    return Named(
        tuple(dict.fromkeys(map(sainfos.suites, used))),
        frozenset(each.address.version for each in nat_t(settings.listen)),
        tuple(dict.fromkeys(each for each in offered if each is not None)),
    )
