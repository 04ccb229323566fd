"""The program of `lotor connect --ca` as two processes: a daemon for one gateway, beside the person who wants it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Never

from lotor.confinement import hardening
from lotor.daemon.options import Options
from lotor.daemon.pair import attending, begun, given_to, kept
from lotor.daemon.talk import Person, Talk
from lotor.daemon.visits import visited
from lotor.model.frozen import frozen
from lotor.privsep.living import Lent
from lotor.warden.child import End
from lotor.warden.giving import giving
from lotor.warden.loading import Holding
from lotor.warden.spawning import Program
from lotor.warden.supervise import Care, Supervisor
from lotor.warden.warden import Warden, hold


@frozen
class Call:
    """`name` is what `status` shows for a configuration that no file says."""

    name: str
    loaded: Holding
    person: Person


async def connect(call: Call, daemon: Program) -> bool:
    """Whether the person ended it by the conversation: not where a signal did. Raises `StartError`. `daemon` may have
    been started ahead."""
    warden = Warden(nothing_to_read, call.loaded, hold(call.loaded.settings))
    hardening.bound(scripts=False, daemon=True)
    async with attending(warden) as attendance:
        with Talk(call.person) as talk, visited() as control:

            def lost(end: End) -> bool:
                talk.lost(end.text)
                return False

            async def serve() -> None:
                talk.theirs.close()  # so that the end of the daemon is the end of the conversation
                await talk.hold()

            lent = Lent(control=control.socket.fileno() if control is not None else None, caller=talk.theirs.fileno())
            given = given_to(Options(Path(call.name)), call.loaded.settings, lent)
            care = Care(lambda: {**begun(control, attendance), **giving(given, lent)}, attendance.let_go, lost)
            await kept(warden, Supervisor(daemon, care), talk.stopped, serve)
        await warden.release()
    return talk.over


def nothing_to_read() -> Never:
    raise OSError(errno.ENOENT, "lotor connect has no configuration file that could be read again")
