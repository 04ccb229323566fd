"""The service that runs the daemon, now and at each boot; where systemd does not run it, the person is told."""

from __future__ import annotations

from lotor.init.host import SERVICE, Target
from lotor.init.steps import Called, Step


def acts(target: Target) -> list[Step]:
    """The daemon runs with the new configuration. Taken back, it is as it was."""
    if not installed(target):
        return []
    if target.answers("systemctl", "is-active", "--quiet", SERVICE):
        again = ("systemctl", "restart", SERVICE)
        return [Called(again, again)]
    enabled = target.answers("systemctl", "is-enabled", "--quiet", SERVICE)
    back = ("systemctl", "stop", SERVICE) if enabled else ("systemctl", "disable", "--now", SERVICE)
    return [Called(("systemctl", "enable", "--now", SERVICE), back)]


def installed(target: Target) -> bool:
    return target.systemd() and target.answers("systemctl", "cat", SERVICE)


def remarks(target: Target) -> list[str]:
    if installed(target):
        return []
    what = f"{SERVICE} is not installed" if target.systemd() else "no systemd runs here"
    return [f"{what}: start it by lotor daemon, now and at each boot"]
