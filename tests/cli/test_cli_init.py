"""`lotor init` as it is typed: questions and options, what is shown, and what is refused before anything is written."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from lotor.cli import asking, init, wishes
from lotor.cli.main import lotor
from lotor.crypto.private.keypair import generate_key
from lotor.daemon.exits import Exit, StartError
from lotor.hosts.commands import Commands
from lotor.init.host import Target

KEYS = cache(generate_key)
NAMES = ("vpn.example.net", "192.0.2.50")


@pytest.fixture
def host(tmp_path, monkeypatch) -> Path:
    """An empty host in a directory, whose configuration is not read again: it names files of the real one."""
    root = tmp_path / "root"
    for name in ("etc", "var/lib"):
        (root / name).mkdir(parents=True)
    monkeypatch.setattr(init, "TARGET", Target(root, Commands("/nowhere")))
    monkeypatch.setattr(init, "_checked", lambda: ("a warning",))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("lotor.pki.authority.generate_key", KEYS)
    return root


def run(*words, typed=""):
    return CliRunner().invoke(lotor, ["init", *words], input=typed)


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_options_alone_make_a_gateway_and_a_second_call_says_what_is_there(host):
    words = ("gateway", *NAMES, "--no-masquerade", "--user", "alice")
    done = run(*words, "--password-stdin", typed="a good password\n")
    assert done.exit_code == 0, done
    assert "written:" in done.output
    assert "/etc/lotor/certs/ca.key  key of the authority: keep it secret" in done.output
    assert "warnings of lotor check:\n  a warning" in done.output
    assert "lotor init undo takes it back." in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    before = files(host)
    again = run(*words)
    assert (again.exit_code, files(host)) == (0, before)
    assert "/etc/lotor/users  as it was written" in again.output
    assert run("gateway", ",".join(NAMES), "--no-masquerade").exit_code == 0
    other = run("gateway", "other.example.net", "--no-masquerade")
    assert isinstance(other.exception, StartError)
    assert str(other.exception).endswith("lotor init undo first, or --force")
    told = run("undo", "--dry-run")
    assert (told.exit_code, files(host)) == (0, before)
    assert run("undo").exit_code == 0
    assert files(host) == set()


def test_a_rehearsal_writes_nothing_and_needs_neither_root_nor_password(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    told = run("gateway", *NAMES, "--no-masquerade", "--user", "alice", "--dry-run")
    assert told.exit_code == 0, told
    assert "would be written:" in told.output
    assert "encryption_algorithm aes_gcm_16 256, aes 256;" in told.output
    assert "PRIVATE KEY" not in told.output
    assert files(host) == set()
    refused = run("gateway", *NAMES)
    assert isinstance(refused.exception, StartError)
    assert refused.exception.code is Exit.NOT_ROOT
    assert run("undo").exception.code is Exit.NOT_ROOT


def test_six_questions_are_asked_and_a_wrong_answer_again(host, monkeypatch):
    monkeypatch.setattr("lotor.cli.asking.Dialogue.at", lambda **kind: asking.Dialogue(True, kind["rehearsal"]))
    answers = ["vpn.example.net 192.0.2.50", "10.1.0.0/33", "10.1.0.0/16", "192.168.1.0/24", "none", "alice", "vpnc"]
    done = run("gateway", "--no-masquerade", "--dry-run", typed="".join(f"{each}\n" for each in answers))
    assert done.exit_code == 0, done
    assert "Error: '10.1.0.0/33' is no network" in done.output
    assert "network4 10.1.0.1;" in done.output
    assert "split_network include 192.168.1.0/24;" in done.output
    assert "# vpnc knows no SHA-2" in done.output


def test_files_of_a_person_are_replaced_only_when_asked_for(host):
    (host / "etc/lotor").mkdir()
    (host / "etc/lotor/racoon.conf").write_text("# mine\n")
    refused = run("gateway", *NAMES, "--no-masquerade")
    assert "/etc/lotor/racoon.conf exists already: --force replaces" in str(refused.exception)
    assert files(host) == {"etc/lotor/racoon.conf"}
    done = run("gateway", *NAMES, "--no-masquerade", "--force")
    assert done.exit_code == 0, done
    assert (host / "etc/lotor/racoon.conf.before-init").read_text() == "# mine\n"
    assert run("undo").exit_code == 0
    assert (host / "etc/lotor/racoon.conf").read_text() == "# mine\n"


def test_what_was_cut_off_is_taken_back_first(host):
    assert run("gateway", *NAMES, "--no-masquerade").exit_code == 0
    record = host / "var/lib/lotor/init.record"
    record.write_text("\n".join(record.read_text().splitlines()[:-1]) + "\n")
    done = run("gateway", "other.example.net", "--no-masquerade")
    assert done.exit_code == 0, done
    assert "did not come to its end: taken back first" in done.output


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (("gateway",), Exit.USAGE, "a gateway needs a name"),
        (("gateway", "not/a/name", "--no-masquerade"), Exit.USAGE, "neither a host name nor an address"),
        (("gateway", *NAMES, "--reach", "10.99.99.0/25"), Exit.FAILED, "overlaps 10.99.99.0/25"),
        (("gateway", *NAMES, "--clients", "beos"), Exit.USAGE, "'beos' is no kind of client"),
        (("gateway", *NAMES), Exit.FAILED, "install nftables, or give --no-masquerade"),
        (("gateway", *NAMES, "-u", "a:b", "--password-stdin"), Exit.USAGE, "a user name has no colon"),
        (
            ("client", "vpn.example.net", "--ca", "/nowhere/ca.crt"),
            Exit.CONFIGURATION,
            "/nowhere/ca.crt does not exist",
        ),
        (("undo",), Exit.FAILED, "lotor init did nothing on this host"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(host, words, code, fault):
    done = run(*words, typed="a good password\n")
    assert isinstance(done.exception, StartError), done
    assert fault in str(done.exception)
    assert (done.exception.code, files(host)) == (code, set())


def test_a_password_comes_from_a_private_file_too(tmp_path, host):
    secret = tmp_path / "secret"
    secret.write_text("a good password\n")
    secret.chmod(0o644)
    words = ("gateway", *NAMES, "--no-masquerade", "-u", "alice", "--password-file", str(secret))
    assert "chmod 600" in str(run(*words).exception)
    secret.chmod(0o600)
    assert run(*words).exit_code == 0
    assert (host / "etc/lotor/users").read_text().count("alice:$argon2id$") == 1


def test_a_client_is_set_up_for_a_group_of_this_host(host):
    assert run("gateway", *NAMES, "--no-masquerade").exit_code == 0
    authority = host.with_name("ca.crt")
    authority.write_bytes((host / "etc/lotor/certs/ca.crt").read_bytes())
    assert run("undo").exit_code == 0
    words = ("client", "vpn.example.net", "--ca", str(authority))
    wrong = run(*words, "--group", "nobody-has-this")
    assert "groupadd --system nobody-has-this" in str(wrong.exception)
    done = run(*words, "--user", "alice", "--group", "root")
    assert done.exit_code == 0, done
    assert "connect: lotor connect vpn.example.net" in done.output
    assert files(host) == {
        "etc/lotor/certs/ca.crt",
        "etc/lotor/racoon.conf",
        "var/lib/lotor/init.record",
    }
    assert wishes.USUAL_GROUP == "operator"
