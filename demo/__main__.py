"""`python -m demo`: runs all acts, tells each step in one line, and cleans up whatever happens."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from demo.bridge import BridgeStory
from demo.radius import RadiusStory
from demo.story import Story
from demo.telling import Teller
from lab.internet import Internet
from lab.node import LabError


def main() -> int:
    """0 when the HOW-TO works."""
    signal.signal(signal.SIGTERM, _leave)
    teller = Teller()
    began = time.monotonic()
    try:
        with teller.step("A lab: road warrior, NAT, gateway 192.0.2.50, inside host"):
            internet = Internet(clients=2)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    with internet:
        for title, act in (
            ("The HOW-TO, with lotor at both ends", Story),
            ("Its RADIUS and its PAM, with vpnc", RadiusStory),
            ("The bridge: IKEv2 for new devices, IKEv1 for old ones", BridgeStory),
        ):
            teller.act(title)
            if not _tell(act(internet, teller), internet):
                return 1
    print(f"demo: the HOW-TO works ({teller.steps} steps, {time.monotonic() - began:.0f} s)")
    return 0


def _tell(story: Story | RadiusStory | BridgeStory, internet: Internet) -> bool:
    try:
        story.tell()
    except (LabError, OSError, KeyboardInterrupt) as error:
        print(f"\ndemo: {str(error) or 'interrupted'}", file=sys.stderr)
        for program in (each for node in internet.nodes for each in node.programs):
            print(f"\n--- the end of the log of {program.name}\n{_tail(program.log)}", file=sys.stderr)
        return False
    return True


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _leave(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(f"ended by signal {number}")


if __name__ == "__main__":
    sys.exit(main())
