"""Post-quantum pre-shared keys: whose line counts, by which name, what comes out, and which files are told of."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from lotor.crypto.prf import mixed
from lotor.keys import Keyring, RemoteKeys
from lotor.model.algorithms import Hash
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Failure, MixedKeys, PpkRequest
from lotor.model.policy import Side
from lotor.model.secret import Secret

LONG = "0x" + "ab" * 32
TEXT = f"""
# whose   name       key
alice     alice-1    {LONG}
alice     alice-2    the second one of alice, long enough
bob       0x00ff     the one of bob, which is long enough
vpn.example.net  one a client's own, which is long enough
*         shared     that of everybody, which is long enough
"""
KEYS = (Secret(b"d" * 32), Secret(b"i" * 32), Secret(b"r" * 32))


def ring(directory, text: str = TEXT, side: Side = Side.GATEWAY, mode: int = 0o600, **rules) -> Keyring:
    path = directory / "ppk.txt"
    path.write_text(text)
    path.chmod(mode)
    return Keyring([RemoteKeys("gw", side=side, **{"ppk": True} | rules)], ppk_file=path)


def asked(who: str | None, ppk_id: bytes | None, **changes) -> PpkRequest:
    identity = Identity(IdKind.KEY_ID, who.encode()) if who is not None else None
    return replace(PpkRequest("gw", identity, ip_address("198.51.100.1"), Hash.SHA256, KEYS, None, ppk_id), **changes)


@pytest.mark.parametrize(
    ("who", "called", "key"),
    [
        ("alice", b"alice-1", bytes.fromhex(LONG[2:])),
        ("alice", b"alice-2", b"the second one of alice, long enough"),
        ("bob", b"\0\xff", b"the one of bob, which is long enough"),
        ("carol", b"shared", b"that of everybody, which is long enough"),
        ("alice", b"shared", b"that of everybody, which is long enough"),
    ],
)
def test_a_client_has_the_ppk_that_it_names(tmp_path, who, called, key):
    assert ring(tmp_path).mix_ppk(asked(who, called)) == MixedKeys(called, mixed(Hash.SHA256, Secret(key), KEYS))


@pytest.mark.parametrize(
    ("who", "called"), [("bob", b"alice-1"), ("*", b"alice-1"), ("alice", b"alice"), (None, b"one")]
)
def test_nobody_uses_the_ppk_of_another(tmp_path, who, called):
    reason = ring(tmp_path).mix_ppk(asked(who, called)).reason
    assert f"no line with a PPK called {called.decode()} for" in reason.text


def test_a_client_takes_that_of_whom_it_dialled(tmp_path):
    own = ring(tmp_path, side=Side.CLIENT)
    assert own.mix_ppk(asked(None, None, host="vpn.example.net")).ppk_id == b"one"
    assert own.mix_ppk(asked(None, None, host="other.example")).ppk_id == b"shared"
    named = ring(tmp_path, side=Side.CLIENT, peers_identifiers=(IdentityPattern(IdKind.FQDN, "vpn.example.net"),))
    assert named.mix_ppk(asked(None, None)).ppk_id == b"one"


def test_the_same_work_is_done_for_nobody(tmp_path, monkeypatch):
    from lotor.keys import keyring

    done = []
    monkeypatch.setattr(keyring.prf, "mixed", lambda *given: done.append(given) or KEYS)
    ring(tmp_path).mix_ppk(asked("alice", b"alice-1"))
    assert isinstance(ring(tmp_path).mix_ppk(asked("eve", b"alice-1")), Failure)
    assert len(done) == 2


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("alice alone\n", 0o600, "line 1: a PPK has whose it is, its name, and the key"),
        ("alice alice-1 0xzz\n", 0o600, "line 1: what follows 0x is not hexadecimal"),
        (TEXT, 0o644, "no PPK for alice"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path, text, mode, told):
    own = ring(tmp_path, text, mode=mode)
    assert told in own.mix_ppk(asked("alice", b"alice-1")).reason.text
    assert [each.text for each in own.problems if each.text.startswith("no PPK can be used")]


def test_a_short_ppk_is_told_without_its_octets(tmp_path):
    (problem,) = ring(tmp_path, "alice alice-1 tooshort\n").problems
    assert "line 1: this PPK has 8 octets only" in problem.text
    assert "tooshort" not in problem.text


@pytest.mark.parametrize("rules", [{"ppk": False}, {"name": "another"}])
def test_a_block_without_them_mixes_nothing(tmp_path, rules):
    own = ring(tmp_path, ppk=rules.get("ppk", True))
    request = asked("alice", b"alice-1", remote=rules.get("name", "gw"))
    assert isinstance(own.mix_ppk(request), Failure)
    assert isinstance(Keyring([RemoteKeys("gw", ppk=True)]).mix_ppk(asked("alice", b"alice-1")), Failure)
