"""Where the commands look: configuration files, and the control socket of the daemon."""

from __future__ import annotations

import os
import re
from pathlib import Path

CONFIGURATIONS = (Path("/etc/lotor/racoon.conf"), Path("/etc/racoon/racoon.conf"))
DEFAULT_SOCKET = Path("/run/lotor/lotor.sock")
_WORDS = re.compile(r'#.*|"[^"\n]*"|[;{},]|[^\s;{},"#]+')
LARGEST_GLANCE = 1 << 20
"""Octets of a configuration that is looked through for its socket."""


def configuration(given: Path | None) -> Path:
    """The file that was named, else the first default that exists, else the first default."""
    if given is not None:
        return given
    return next((path for path in CONFIGURATIONS if path.exists()), CONFIGURATIONS[0])


def control_socket(given: Path | None, file: Path | None = None) -> Path:
    """The socket that was named, else that of the configuration file if it can be read, else the default."""
    if given is not None:
        return given
    path = configuration(file)
    if not os.access(path, os.R_OK):
        return DEFAULT_SOCKET
    return _at_a_glance(path) or _of_file(path) or DEFAULT_SOCKET


def _at_a_glance(path: Path) -> Path | None:
    """The socket, where one file says it plainly. Reading a configuration as a whole takes longer than all else that a
    short command does. None: it has to be read."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        words = _WORDS.findall(file.read(LARGEST_GLANCE))
    if "include" in words or words.count("adminsock") > 1:
        return None
    if "adminsock" not in words:
        return DEFAULT_SOCKET
    name = "".join(words[words.index("adminsock") + 1 :][:1])
    return Path(name.strip('"')) if name.startswith('"/') else None


def _of_file(path: Path) -> Path | None:
    from lotor.config import ConfigError, load

    try:
        adminsock = load(path).settings.listen.adminsock
    except ConfigError:
        return None
    return adminsock.path if adminsock is not None else None


def without_socket(path: Path) -> bool:
    """Whether a configuration that can be read gives its daemon no control socket."""
    from lotor.config import ConfigError, load

    if not os.access(path, os.R_OK):
        return False
    try:
        return load(path).settings.listen.adminsock is None
    except ConfigError:
        return False
