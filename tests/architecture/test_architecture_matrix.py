"""The page of who connects to whom is the one that the tests' own tables make, and all tests that it names exist."""

import subprocess
import sys
from pathlib import Path

from lab import matrix_kernel as kernel
from lab.circumstances import CIRCUMSTANCES, NAT, NEIGHBOURS, named
from lab.matrix import METHODS, MODES, meetings, page
from lab.matrix_v2 import CIRCUMSTANCES_V2, METHODS_V2, named_v2

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
    wanted = cells | named() | named_v2() | kernel.named_kernel()
    assert wanted <= tests, wanted - tests
    assert "renewal::test_that_is_not_there" not in tests


def test_every_cell_of_the_kernel_is_in_a_row():
    """A row that gets another name would lose it without a word."""
    assert kernel.OLD.keys() <= {row.name for row in CIRCUMSTANCES}
    assert kernel.NEW.keys() <= {row.name for row in CIRCUMSTANCES_V2}
    assert kernel.METHODS_V2.keys() <= {row.name for row in METHODS_V2}
    assert kernel.NEIGHBOURS.keys() <= {(row.programs, row.identities, row.users) for row in NEIGHBOURS}
    assert kernel.OLD_METHODS.keys() <= {(name, mode) for name in METHODS.values() for mode in MODES}
