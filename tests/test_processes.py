"""What the tests themselves know of processes."""

import subprocess
import sys
from pathlib import Path

from lab.node import wait_until
from processes import alive

LEADER_ENDS = """
import ctypes, threading
threading.Thread(target=input).start()
libc = ctypes.CDLL(None)
print("ready", flush=True)
libc.pthread_exit(None)
"""


def test_a_process_lives_as_long_as_the_last_of_its_threads():
    command = [sys.executable, "-c", LEADER_ENDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout.readline() == b"ready\n"
        stat = Path(f"/proc/{child.pid}/stat")
        assert wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
        assert alive(child.pid)
        child.kill()
        assert wait_until(lambda: not alive(child.pid))
    assert not alive(child.pid)
