"""What the interpreter of a process runs that a warden started: with the collector at rest it loads what that needs."""

from __future__ import annotations

import sys

from lotor.daemon import collector

MODULE = "lotor.daemon.entry"


def main(line: int, part: str = "") -> int:
    """The exit code. `line` is the descriptor of the process's end; `part` is empty for a daemon."""
    collector.rest()
    if part:
        from lotor.daemon.back_end_process import main as answer

        return answer(line)
    from lotor.daemon.attended import main as attend

    return attend(line)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[-1]), *sys.argv[1:-1]))
