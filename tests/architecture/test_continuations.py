"""What follows an exchange of IKEv1 takes what its story ends with: a wrong continuation is an error of types."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CALLS = """
from lotor.ike.v1 import modecfg, sequence, xauth
from lotor.ike.v1.session import V1Session

def after_login(session: V1Session, now: float) -> None:
    sequence._transact(session, xauth.gateway(session, sequence._let_in), sequence.{}, now)

def after_pull(session: V1Session, now: float) -> None:
    sequence._transact(session, modecfg.pull(session), sequence.{}, now)
"""


def judged(directory: Path, text: str) -> str:
    """What mypy says of a module of its own."""
    calls = directory / "calls.py"
    calls.write_text(text)
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", calls]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_the_continuations_as_they_are_have_no_error(tmp_path):
    assert "Success: no issues found" in judged(tmp_path, CALLS.format("_logged_in", "_pulled"))


def test_a_wrong_continuation_is_an_error(tmp_path):
    told = judged(tmp_path, CALLS.format("_pulled", "_logged_in"))
    assert "Found 2 errors" in told, told
    assert len(re.findall('(?:"_transact" has incompatible type|type parameter "T" of "_transact")', told)) == 2, told


def test_the_sequence_says_what_each_exchange_ends_with():
    texts = [(ROOT / "src/lotor/ike/v1" / name).read_text() for name in ("sequence.py", "exchange.py")]
    assert [re.findall(r"\bAny\b", text) for text in texts] == [[], []]
    assert all("Exchange[" in text for text in texts)


def test_gates_open_in_the_sequence_alone():
    """Neither by a story nor around the rule that no step of a login is skipped."""
    opens = re.compile(r"\bgates\.(?:open|settle)\(|\bgates\.shut\b|\bshut\.(?:clear|pop)\(")
    rooms = sorted((ROOT / "src/lotor/ike").rglob("*.py"))
    found = {path.name: len(opens.findall(path.read_text())) for path in rooms if path.name != "gates.py"}
    assert {name: number for name, number in found.items() if number} == {"sequence.py": 2}


UNPROVED = """
from lotor.ike.v1.channel import Channel, Opened

def commit(channel: Channel, opened: Opened) -> None:
    channel.commit({})
"""


@pytest.mark.parametrize(("committed", "errors"), [("channel.prove(opened)", 0), ("opened", 1)])
def test_a_message_that_is_only_decrypted_cannot_count(tmp_path, committed, errors):
    told = judged(tmp_path, UNPROVED.format(committed))
    assert told.count('to "commit" of "Channel" has incompatible type "Opened"') == errors, told
    assert ("Success" in told) is (errors == 0)
