"""What the interpreter of a daemon runs that a warden started: with the collector at rest it loads the daemon."""

from __future__ import annotations

import sys

from lotor.daemon import collector

MODULE = "lotor.daemon.entry"


def main(line: int) -> int:
    """The exit code. `line` is the descriptor of the daemon's end."""
    collector.rest()
    from lotor.daemon.attended import main as attend

    return attend(line)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
