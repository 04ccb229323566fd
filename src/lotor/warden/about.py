"""User and capabilities of this process, as the kernel has them: for `lotor status`."""

from __future__ import annotations

import os

from lotor.confinement import capabilities
from lotor.confinement.identity import user_name
from lotor.privsep.living import About

PR_GET_NO_NEW_PRIVS = 39


def about() -> About:
    names = tuple(sorted(map(capabilities.name, capabilities.held())))
    gains = not capabilities.libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
    return About(os.getpid(), user_name(os.geteuid()), names, gains)
