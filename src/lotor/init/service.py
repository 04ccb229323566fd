"""The service that runs the daemon, now and at each boot; where systemd does not run it, the person is told."""

from __future__ import annotations

from lotor.init.host import Target
from lotor.init.steps import Called, Step

GATEWAY = "lotor.service"
CLIENT = "lotor-client@racoon.service"
"""The instance that reads /etc/lotor/racoon.conf; a client's service may change /etc/resolv.conf."""


def acts(target: Target, name: str) -> list[Step]:
    """The daemon runs with the new configuration. Taken back, it is as it was."""
    return started(target, name) if installed(target, name) else []


def started(target: Target, name: str) -> list[Step]:
    """Of a unit that is installed, or will be."""
    if target.answers("systemctl", "is-active", "--quiet", name):
        again = ("systemctl", "restart", name)
        return [Called(again, again, name)]
    enabled = target.answers("systemctl", "is-enabled", "--quiet", name)
    back = ("systemctl", "stop", name) if enabled else ("systemctl", "disable", "--now", name)
    return [Called(("systemctl", "enable", "--now", name), back, name)]


def installed(target: Target, name: str) -> bool:
    return target.systemd() and target.answers("systemctl", "cat", name)


def remarks(target: Target, name: str) -> list[str]:
    if installed(target, name):
        return []
    what = f"{name} is not installed" if target.systemd() else "no systemd runs here"
    return [f"{what}: start it by lotor daemon, now and at each boot"]
