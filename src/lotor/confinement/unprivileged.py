"""The first steps of a daemon that a warden started: it ties its life to the warden, then gives up every privilege.

`tie` comes before anything else, then the log, then `give_up`: before any other thread, and before an octet of a peer.
"""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import replace

from lotor.confinement import capabilities, hardening, trials
from lotor.confinement.identity import Identity
from lotor.confinement.reach import Reach
from lotor.confinement.sandbox import Files, Profile, Unconfined, confine, program_files
from lotor.control.peer import credentials
from lotor.model.frozen import frozen

log = logging.getLogger(__name__)


@frozen
class GivenUp:
    """What a daemon cannot do any more. `landlock`: the version of its interface, 0 where this kernel has none;
    `calls`: the name of the list of system calls; `refused`: what was tried then, verbs in the infinitive."""

    user: str
    group: str
    landlock: int
    calls: str
    refused: tuple[str, ...]


def tie(line: socket.socket) -> int:
    """From now on it ends with its warden, and nobody looks into its memory. Returns the process id of the warden: the
    kernel knows who made the `line`. Raises `Unconfined`, also when the warden is gone already."""
    warden, _, _ = credentials(line)
    _die_with(warden)
    hardening.withhold_memory()
    return warden


def give_up(identity: Identity, warden: int, files: Files) -> GivenUp:
    """Root becomes `identity`, without a capability, and opens only `files` and those of the program from now on.

    Raises `Unconfined` when the kernel refuses that, or when something is still possible that must not be."""
    reach = Reach(program_files())
    _become(identity)
    reach.settle()
    _die_with(warden)
    hardening.withhold_memory()
    found = _tried(identity, warden)
    read = tuple(map(reach.to, (*program_files(), *files.read)))
    confined = confine(replace(files, read=read), Profile.DAEMON)
    found += trials.refused(trials.of_confinement(warden, files=bool(confined.landlock)))
    told = tuple(dict.fromkeys(found))  # some are tried twice
    return GivenUp(identity.user, identity.group, confined.landlock, confined.calls.value, told)


def _tried(identity: Identity, warden: int) -> tuple[str, ...]:
    """What the user and the group may not do; a person is told whose rights are too many."""
    try:
        return trials.refused(trials.of_rights(warden))
    except Unconfined as why:
        whose = f"user {identity.user} and group {identity.group}"
        raise Unconfined(f"{why}, as {whose}: name others in privsep {{ }}") from why


def _die_with(warden: int) -> None:
    """In this order: a warden that ended before the kernel was told is noticed here, a later end by the kernel."""
    try:
        hardening.die_with_parent()
    except OSError as error:
        raise Unconfined(f"this process would outlive its warden: {error.strerror}") from error
    if os.getppid() != warden:
        raise Unconfined("the warden that started this process is gone")


def _become(identity: Identity) -> None:
    """The bounding set first: later nothing here may change it."""
    capabilities.unbound(capabilities.bounding())
    try:
        os.setgroups([])
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
        hardening.renounce()
    except OSError as error:
        raise Unconfined(
            f"the daemon cannot become the user {identity.user}: {error.strerror}; its warden needs the capabilities "
            "SETUID and SETGID, or start lotor with --single-process"
        ) from error
    if capabilities.held():
        raise Unconfined("this process keeps capabilities that it has given up")
    if {*os.getresuid(), *os.getresgid(), *os.getgroups()} != {identity.uid, identity.gid}:
        raise Unconfined("this process keeps a user or a group that it has given up")
