"""Starting, refusing to start, the background and the pid file, as processes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from lotor import config
from lotor.confinement import unprivileged
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Unconfined
from lotor.daemon import logs, pair, program, serving
from lotor.daemon.background import PidFile, in_background
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.options import Options
from lotor.daemon.privilege import demand_privilege, demand_wardens_privilege
from lotor.daemon.status import weaknesses
from lotor.model.algorithms import AuthMethod, Cipher, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.warden.spawning import Program

PROGRAM = [sys.executable, "-m", "lotor.cli.main"]


def test_a_pid_file_is_held_by_one(tmp_path):
    path = tmp_path / "run" / "lotor.pid"
    file = PidFile(path)
    file.take()
    assert path.read_text() == f"{os.getpid()}\n"
    code = (
        "import sys; from pathlib import Path; from lotor.daemon.background import PidFile\n"
        "from lotor.daemon.exits import StartError\n"
        "try: PidFile(Path(sys.argv[1])).take()\n"
        "except StartError as error: print(error.code.value, error)"
    )
    other = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60, check=True)
    what = f"a daemon runs already: process {os.getpid()} has {path}: stop it, or set path pidfile to another file"
    assert other.stdout == f"7 {what}\n"
    file.give_back()
    assert not path.exists()


def test_a_stale_pid_file_is_taken_over(tmp_path):
    path = tmp_path / "lotor.pid"
    path.write_text("1\n and more text than one number needs")
    file = PidFile(path)
    file.take()
    assert path.read_text() == f"{os.getpid()}\n"
    file.give_back()


def test_a_pid_file_behind_a_link_is_refused(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "lotor.pid").symlink_to(tmp_path / "precious")
    with pytest.raises(StartError, match="cannot write the pid file"):
        PidFile(tmp_path / "lotor.pid").take()
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_background_reports_ready_and_goes_on(tmp_path):
    mark = tmp_path / "pid"

    def serve(ready):
        ready()
        mark.write_text(str(os.getpid()))
        time.sleep(600)
        return 0

    assert in_background(serve) == 0
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    pid = int(mark.read_text())
    assert os.getsid(pid) == pid != os.getsid(0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_background_reports_why_it_does_not_start():
    def serve(ready):
        raise StartError("port 500 is in use", Exit.BUSY, "stop the other program")

    with pytest.raises(StartError, match="port 500 is in use") as caught:
        in_background(serve)
    assert (caught.value.code, caught.value.fix) == (Exit.BUSY, "stop the other program")


def test_a_signal_before_it_serves_ends_the_start_and_leaves_no_pid_file(tmp_path, monkeypatch):
    pid_file = tmp_path / "lotor.pid"

    async def stands_still(*_):
        assert pid_file.exists()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(30)

    monkeypatch.setattr(program, "_served", stands_still)
    monkeypatch.setattr(program, "DEFAULT_PID_FILE", pid_file)
    monkeypatch.setattr(program.logs, "set_up", lambda *_, **__: None)
    monkeypatch.setattr(program, "_open_state", lambda: None)
    monkeypatch.setattr(program, "_load", lambda _: SimpleNamespace(settings=config.loads("").settings))
    options = Options(tmp_path / "racoon.conf", log=tmp_path / "log")
    with pytest.raises(StartError, match="told to stop before it served"):
        program.run(options, Program(()), lambda: None)
    assert not pid_file.exists()


@pytest.mark.parametrize("opened", [pair.captured, serving.capturing])
def test_a_capture_of_a_start_that_came_to_nothing_is_in_nobodys_way(tmp_path, opened):
    file = tmp_path / "ike.pcapng"
    for _ in range(2):
        with pytest.raises(StartError, match="no device"), opened(file):
            raise StartError("no device")
    assert list(tmp_path.iterdir()) == []
    with opened(file):
        pass
    assert len(list(tmp_path.iterdir())) == 3, "packets, and the keys of either version"


def test_rights_that_are_left_are_told_with_whose_they_are(monkeypatch):
    def fails(_):
        raise Unconfined("it was able to read /etc/shadow")

    monkeypatch.setattr(unprivileged.trials, "refused", fails)
    with pytest.raises(Unconfined, match="as user nobody and group shadow: name others in privsep"):
        unprivileged._tried(Identity(65534, 42, "nobody", "shadow"), 1)


def test_the_background_hides_the_text_of_a_bug():
    def serve(ready):
        raise RuntimeError("swordfish")

    with pytest.raises(StartError, match="internal error: RuntimeError") as caught:
        in_background(serve)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("effective", "allowed"), [("0000000000001400", True), ("000001ffffffffff", True), ("0", False)]
)
def test_privilege_is_what_the_kernel_says_not_the_user_number(tmp_path, effective, allowed):
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{effective}\n")
    if allowed:
        demand_privilege(status)
        return
    with pytest.raises(StartError, match="root") as caught:
        demand_privilege(status)
    assert caught.value.code is Exit.NOT_ROOT


@pytest.mark.parametrize(
    ("effective", "missing"),
    [
        ("00000000000014e0", ""),
        ("00000000000014c0", "CAP_KILL"),
        ("0000000000001460", "CAP_SETUID"),
        ("0000000000001400", "CAP_SETUID, CAP_SETGID, CAP_KILL"),
    ],
)
def test_a_warden_needs_what_starts_and_ends_a_daemon(tmp_path, effective, missing):
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nCapEff:\t{effective}\n")
    if not missing:
        demand_wardens_privilege(status)
        return
    with pytest.raises(StartError, match=f"lacks {missing} here") as caught:
        demand_wardens_privilege(status)
    assert "--single-process" in str(caught.value)
    assert caught.value.code is Exit.NOT_ROOT


@pytest.mark.parametrize(("level", "shown"), [("error", 1), ("warning", 2), ("notify", 3), ("info", 3), ("debug", 4)])
def test_the_log_directive_sets_the_level(tmp_path, level, shown):
    file = tmp_path / "log"
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    logs.set_up(file, level, debug=False)
    try:
        for each in ("error", "warning", "info", "debug"):
            getattr(logging.getLogger("lotor.something"), each)("line")
    finally:
        for handler in list(root.handlers):
            handler.close()
        root.handlers[:] = before
        logging.getLogger("lotor").setLevel(logging.NOTSET)
    assert len(file.read_text().splitlines()) == shown


def test_weak_algorithms_in_use_are_named_once():
    weak = IkeSuite(Cipher.TRIPLE_DES_CBC, 0, Hash.MD5, Group.MODP1024, AuthMethod.HYBRID_RSA, 3600)
    children = [EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_MD5)] * 3
    texts = weaknesses(weak, children)
    assert len(texts) == 4
    strong = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA256, Group.MODP2048, AuthMethod.HYBRID_RSA, 3600)
    assert weaknesses(strong, [EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256)]) == []


def test_check_tells_every_error_with_its_place(tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("remote anonymous {\n    exchange_mode agressive;\n    dh_group 2;\n}\n")
    done = subprocess.run([*PROGRAM, "check", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Exit.CONFIGURATION
    assert f"{file}:2:19: " in done.stderr
    assert f"{file}:3:5: " in done.stderr
    assert "^" in done.stderr
    assert done.stdout == ""


def test_check_looks_into_keys_also_where_something_else_is_missing(directory):
    (directory / "vpngw.key").chmod(0o644)
    file = directory / "racoon.conf"
    file.write_text("""remote anonymous {
    exchange_mode aggressive; certificate_type x509 "vpngw.crt" "vpngw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.99.99.1; auth_source local; users "users"; banner "no-such-banner"; }
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
""")
    done = subprocess.run([*PROGRAM, "check", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Exit.CONFIGURATION
    assert done.stdout.startswith("certificate of remote anonymous: everybody: CN=gateway expires on ")
    places = [line for line in done.stderr.splitlines() if line.startswith(str(file))]
    assert len(places) == 2, done.stderr
    assert ":1:1: " in places[0]
    assert "mode 0644" in places[0]
    assert "no-such-banner is missing" in places[1]


@pytest.mark.root
def test_a_daemon_with_a_bad_file_starts_nothing(tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("remote anonymous { nonsense; }\n")
    for mode in (["-F"], []):
        done = subprocess.run(
            [*PROGRAM, "daemon", *mode, "-f", file], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == Exit.CONFIGURATION
        assert "nothing was started" in done.stderr
        assert "Traceback" not in done.stderr


def test_newcomer_9_a_state_directory_that_was_made_closed_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "STATE", tmp_path / "run" / "lotor")
    program.STATE.mkdir(0o700, parents=True)
    program._open_state()
    assert program.STATE.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("effective", "said"),
    [
        ("0000000000001000", "lacks CAP_NET_BIND_SERVICE here: in a container add --cap-add NET_BIND_SERVICE"),
        ("0000000000000400", "lacks CAP_NET_ADMIN here: in a container add --cap-add NET_ADMIN --device /dev/net/tun"),
    ],
)
def test_the_capability_that_is_missing_is_the_one_that_is_named(tmp_path, monkeypatch, effective, said):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    status = tmp_path / "status"
    status.write_text(f"CapEff:\t{effective}\n")
    with pytest.raises(StartError) as caught:
        demand_privilege(status)
    assert str(caught.value) == f"root {said}"


def test_a_full_disk_leaves_no_empty_pid_file(tmp_path, monkeypatch):
    def full(descriptor, octets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StartError, match="No space left"):
        PidFile(tmp_path / "lotor.pid").take()
    assert not (tmp_path / "lotor.pid").exists()


@pytest.mark.parametrize("before", [None, "", "a line\n"])
def test_a_start_that_comes_to_nothing_leaves_no_empty_log(tmp_path, before):
    """One that was there stays, empty or not."""
    log = tmp_path / "second.log"
    if before is not None:
        log.write_text(before)
    with pytest.raises(StartError), program._descriptor(log):
        raise StartError("a daemon runs already")
    assert (log.read_text() if log.exists() else None) == before
