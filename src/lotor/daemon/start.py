"""The first steps of `lotor daemon`: may it, where does it run, and the daemon's interpreter before all else is loaded.

Whatever is imported here at the head delays the daemon's own loading, which goes on beside this process's.
"""

from __future__ import annotations

from collections.abc import Callable

from lotor.confinement import hardening
from lotor.daemon import collector
from lotor.daemon.background import in_background
from lotor.daemon.entry import MODULE
from lotor.daemon.first import beside_a_reaper
from lotor.daemon.options import Options
from lotor.daemon.privilege import demand_privilege, demand_wardens_privilege
from lotor.warden.spawning import Program, interpreter


def run(options: Options) -> int:
    """The exit code; `StartError` when the daemon does not start."""
    return beside_a_reaper(lambda: _start(options))


def _start(options: Options) -> int:
    demand_privilege()
    if not options.single_process:
        demand_wardens_privilege()
    hardening.withhold_memory()
    collector.rest()
    if options.foreground:
        return _run(options, lambda: None)
    return in_background(lambda ready: _run(options.anywhere, ready))


def _run(options: Options, ready: Callable[[], None]) -> int:
    daemon = Program(interpreter(MODULE), quiet=not options.foreground)
    if not options.single_process:
        daemon.begin()
    try:
        from lotor.daemon import program

        return program.run(options, daemon, ready)
    finally:
        daemon.close()
