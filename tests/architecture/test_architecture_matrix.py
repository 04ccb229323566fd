"""The page of who connects to whom is the one that the tests' own tables make, and all tests that it names exist."""

import subprocess
import sys
from pathlib import Path

from lab.circumstances import NAT, named
from lab.matrix import meetings, page
from lab.matrix_kernel import named_kernel
from lab.matrix_v2 import named_v2

ROOT = Path(__file__).parents[2]


def collected():
    """Every test of tests/interop as the tables name them: file::name[parameters], and without the parameters."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", "tests/interop"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    exact = {
        line.removeprefix("tests/interop/test_interop_").replace(".py::", "::", 1)
        for line in done.stdout.splitlines()
        if "::" in line
    }
    return exact | {name.partition("[")[0] for name in exact}


def test_the_matrix_page_is_up_to_date():
    assert (ROOT / "docs" / "interop.md").read_text() == page(), "run: python -m lab.matrix > docs/interop.md"


def test_every_test_that_the_page_names_exists():
    ways = (NAT, NAT.replace("through", "without"))
    cells = {f"{test}[{'-'.join(meeting)}]" for test in ways for meeting in meetings()}
    tests = collected()
    wanted = cells | named() | named_v2() | named_kernel()
    assert wanted <= tests, wanted - tests
    assert "renewal::test_that_is_not_there" not in tests
