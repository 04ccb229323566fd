"""The ESP of this host's kernel, as a configuration wishes it."""

from __future__ import annotations

from lotor.config.settings import Settings
from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.hosts.xfrm.probe import capabilities
from lotor.hosts.xfrm.sizes import inner_mtu


def host_esp(settings: Settings) -> XfrmEsp:
    """Of the network namespace that this process is in. Nothing is asked of the kernel before `open`."""
    return XfrmEsp(Means(capabilities, Devices(), Xfrm), Wishes(inner_mtu(settings), offload=settings.engine.offload))
