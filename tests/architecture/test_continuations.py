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


MORE: dict[str, str] = {}
"""Lines that a test adds to a module of `ike`, to see whether a rule finds them."""


def counted(pattern: str, *, apart_from: str = "") -> dict[str, int]:
    """How often the modules of `ike` have it, where they do."""
    room = ROOT / "src/lotor/ike"
    texts = {str(path.relative_to(room)): path.read_text() for path in sorted(room.rglob("*.py"))}
    found = {name: re.findall(pattern, text + MORE.get(name, ""), re.MULTILINE) for name, text in texts.items()}
    return {name: len(hits) for name, hits in found.items() if hits and name != apart_from}


def test_gates_open_in_one_place_of_each_version():
    """In IKEv1 in the sequence; in IKEv2 where a proved peer is let in. Nowhere around the rule that no step of
    a login is skipped."""
    opens = r"\bgates\.(?:open|settle)\(|\bgates\.shut\b|\bshut\.(?:clear|pop)\("
    assert counted(opens, apart_from="gates.py") == {"v1/sequence.py": 2, "v2/admitting.py": 2}


def test_the_steps_of_ike_auth_alone_are_told_as_passed():
    """Login, proof and address of IKEv2 come in one exchange: proof and login in `auth`, the proof behind a ticket in
    `resume`, at each end once, the address in `opening`."""
    told = counted(r"\badmitting\.(?:settle|passed)\b|\badmitting import", apart_from="admitting.py")
    assert told == {"v2/auth.py": 5, "v2/opening.py": 2, "v2/resume.py": 2}


def test_an_end_is_decided_in_one_function_of_each_who_may():
    """The runtime's wishes and places among half-open sessions; another session; what a version found. A session that
    ends itself, or an end by another name (`x = session.end`), would be found too."""
    places = {"endpoint.py": 1, "sessions.py": 1, "v1/ends.py": 1, "v2/ends.py": 1}
    assert counted(r"(?<!\bends)\.end\b(?! of)") == places


def test_what_ike_found_is_weighed_by_the_sequence_and_the_routing():
    """Stories, timers, informationals and the renewal return what they found, or call back."""
    first = {"v1/protocol.py", "v1/sa_pairs.py", "v1/sequence.py"}
    found = counted(r"(?<!reasons\.)\bends\.[a-z]|\bv[12]\.ends\b")
    assert {name for name in found if name.startswith("v")} == {
        *first,
        "v2/protocol.py",
        "v2/sequence.py",
        "v2/upkeep.py",
    }


@pytest.mark.parametrize("room", ["v1/quick.py", "v2/init.py"])
@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (test_an_end_is_decided_in_one_function_of_each_who_may, "session.end(reason)"),
        (test_an_end_is_decided_in_one_function_of_each_who_may, "timer(0.0, session.end)"),
        (test_what_ike_found_is_weighed_by_the_sequence_and_the_routing, "ends.end(session, reason)"),
        (test_gates_open_in_one_place_of_each_version, "session.gates.open(Gate.LOGIN)"),
        (test_gates_open_in_one_place_of_each_version, "session.gates.shut.clear()"),
        (test_the_steps_of_ike_auth_alone_are_told_as_passed, "admitting.passed(session, Gate.LOGIN)"),
    ],
)
def test_another_place_would_be_found(rule, line, room, monkeypatch):
    monkeypatch.setitem(MORE, room, f"    {line}\n")
    with pytest.raises(AssertionError):
        rule()


UNPROVED = """
from lotor.ike.v1.channel import Channel, OpenedMessage

def commit(channel: Channel, opened: OpenedMessage) -> None:
    channel.commit({})
"""


@pytest.mark.parametrize(("committed", "errors"), [("channel.prove(opened)", 0), ("opened", 1)])
def test_a_message_that_is_only_decrypted_cannot_count(tmp_path, committed, errors):
    told = judged(tmp_path, UNPROVED.format(committed))
    assert told.count('to "commit" of "Channel" has incompatible type "OpenedMessage"') == errors, told
    assert ("Success" in told) is (errors == 0)
