"""Everything about a daemon and its sessions, for an administrator who looks closer."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from lotor.cli.quantities import duration, milliseconds, moment, octets, share, speed
from lotor.model.text import clean

if TYPE_CHECKING:
    from lotor.control.views import ChildView, OffloadsView, ProcessView, SessionView, StatusView

NEWEST = 20
"""How many clients without a proved login the daemon shows."""
LONGEST_LINE = 4096
_NAMES: tuple[Literal["groups", "pool", "filter"], ...] = ("groups", "pool", "filter")
HEAD = f"{'#':>4}  {'user':<16} {'from':<21} {'since':<16} {'address':<15}"


def table(view: StatusView) -> str:
    """All sessions, at most 80 columns unless a name is longer."""
    lines = [
        f"lotor {view['version']}, process {view['pid']}, running for {duration(view['seconds'])}",
        f"configuration {view['configuration']}",
    ]
    for process in view.get("processes", []):
        lines += _wrap(_process(process))
    lines += _engine(view)
    if view["internal_errors"]:
        lines.append(f"{view['internal_errors']} internal errors: see the log")
    lines += [wrapped for remark in view["remarks"] for wrapped in textwrap.wrap(remark, 80)]
    if (users := view.get("users", 0)) > 1:
        lines.append(f"{users} users are logged in")
    if view.get("half_open", 0) > NEWEST:
        lines.append(f"{view['half_open']} strangers are at the door, the newest {NEWEST} of them are shown")
    if not view["sessions"]:
        lines.append("no sessions")
    return _readable([*lines, *(line for each in view["sessions"] for line in ("", *_block(each)))])


def sessions(view: StatusView) -> str:
    """The sessions alone."""
    blocks = ["\n".join(_block(each)) for each in view["sessions"]]
    return _readable("\n\n".join(blocks).split("\n"))


def _readable(lines: list[str]) -> str:
    """Whatever a daemon tells, it cannot do more than be read."""
    return "\n".join(clean(line, longest=LONGEST_LINE) for line in lines)


def _block(view: SessionView) -> list[str]:
    return [HEAD, *(wrapped for line in _session(view) for wrapped in _wrap(line))]


def _process(view: ProcessView) -> str:
    """What it may do, or what it gave up."""
    rights = ", ".join(view["capabilities"]) or "none"
    parts = [f"{view['name']} {view['pid']} as {view['user']}, capabilities: {rights}"]
    if serves := view.get("serves", []):
        parts.append(f"{', '.join(serves)} since {view['since']}")
    if view["calls"]:
        files = f"files by Landlock {view['landlock']}" if view["landlock"] else "no Landlock in this kernel"
        parts.append(f"{files}, system calls of the list {view['calls']}")
    if view["refused"]:
        parts.append(f"tried in vain: {', '.join(view['refused'])}")
    if view["name"] == "single":
        parts.append("it holds the keys and reads what strangers send")
    return f"  {'; '.join(parts)}"


def _engine(view: StatusView) -> list[str]:
    """Which engine, why and where; offloads are those of the one in user space."""
    engine = view.get("engine")
    if engine is None:
        return _offloads(view["offloads"])
    told = f"ESP: {engine['name']} ({engine['why']}), device {engine['device']}, MTU {engine['mtu']}"
    return _wrap(told) + (_offloads(view["offloads"]) if engine["name"] == "userspace" else [])


def _offloads(view: OffloadsView) -> list[str]:
    shortcuts = [(name, on) for name, on in view.items() if name != "udp_segment_tail"]
    off = [name for name, on in shortcuts if not on]
    lines = [f"offloads that are off: {', '.join(off)}"] if off else []
    if view.get("udp_segment_tail"):
        lines += ["udp_segment: a keepalive ends what leaves by one call, which this kernel", "would garble otherwise"]
    return lines


def _wrap(line: str) -> list[str]:
    """Details of a session in 80 columns; what goes on is indented further."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line.rstrip(), 80, subsequent_indent=f"{indent}  ", break_long_words=False) or [""]


def _session(view: SessionView) -> list[str]:
    since = moment(view["since"])
    user = view["user"] or f"({view['state']})"
    traffic, gateway = view["traffic"], view["role"] == "gateway"
    refused = {kind: traffic[kind] for kind in ("replayed", "forged", "misdirected") if traffic[kind]}
    lines = [
        f"{view['session']:>4}  {user:<16} {view['outside']:<21} {since:<16} {view['address']:<15}",
        f"      {view['role']} of remote {view['remote']}, {view['state']} for {duration(view['seconds'])}",
        f"      phase 1 {view['phase1'] or '-'}; {view['nat'] or 'no NAT'}; peer {view['peer'] or '-'}",
    ]
    if view.get("device"):
        lines.append(f"      client program: {view['device']}" if gateway else f"      gateway: {view['device']}")
    if view["address6"]:
        lines.append(f"      IPv6 address {view['address6']}")
    lines += _granted(view)
    lines += [f"      {_pair(each, told=len(view['children']) > 1)}" for each in view["children"]]
    lines.append(
        f"      {octets(traffic['octets_in'])} in, {octets(traffic['octets_out'])} out"
        + (f"; next rekey in {duration(view['rekey_in'])}" if view["rekey_in"] is not None else "")
    )
    lines += _lately(view)
    if traffic.get("lost"):
        lines.append(f"      packets of the peer that did not come: {traffic['lost']}")
    if traffic["limited"]:
        lines.append(f"      lost to the rate limit: {traffic['limited']} packets")
    if traffic["shed"]:
        lines.append(f"      lost to overload: {traffic['shed']} packets")
    if refused:
        lines.append("      refused packets: " + ", ".join(f"{count} {kind}" for kind, count in refused.items()))
    return lines + [f"      warning: {text}" for text in view["warnings"]]


def _granted(view: SessionView) -> list[str]:
    """What the login brought along, as far as anything came with it."""
    grants = view.get("grants")
    if grants is None:  # of an older daemon
        return []
    said = [(name, ", ".join(grants["groups"]) if name == "groups" else str(grants[name])) for name in _NAMES]
    parts = [f"{name} {value}" for name, value in said if value]
    parts += [f"of group {grants['group']} in mode_cfg"] if grants["group"] else []
    parts += [f"for {duration(grants['session_time'])}"] if grants["session_time"] is not None else []
    parts += [f"until idle for {duration(grants['idle_time'])}"] if grants["idle_time"] is not None else []
    parts += [f"{grants['sessions']} sessions at a time"] if grants["sessions"] is not None else []
    parts += [f"at most {grants['rate'] * 8 / 1e6:g} Mbit/s"] if grants["rate"] is not None else []
    lines = [f"      granted: {'; '.join(parts)}"] if parts else []
    return lines + [f"      not given: {text}" for text in grants["unkept"]]


def _lately(view: SessionView) -> list[str]:
    """How fast it is, where anything is known of that."""
    parts = []
    if view.get("rate_in") is not None:
        parts.append(f"{speed(view['rate_in'])} in, {speed(view['rate_out'])} out")
    if view.get("loss") is not None:
        parts.append(f"{share(view['loss'])} of the peer's packets lost")
    if view.get("latency") is not None:
        parts.append(f"{milliseconds(view['latency'])} to the peer and back")
    return [f"      now: {'; '.join(parts)}"] if parts else []


def _pair(view: ChildView, *, told: bool) -> str:
    """`told`: whose traffic it is, where a session has several."""
    whose = f" ({', '.join(view['ours'])} and {', '.join(view['theirs'])})" if told else ""
    packed = f", {view['compression']}" if view["compression"] else ""
    packed += f", at most {view['rate'] * 8 / 1e6:g} Mbit/s" if view["rate"] else ""
    return f"SA pair {view['id']}{whose}: {view['suite']}{packed}, SPI {view['spi_in']} in, {view['spi_out']} out"
