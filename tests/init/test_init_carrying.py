"""A setup is whole or leaves nothing: a fault at each step, a full disk, a kill; and taking back is exact."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from functools import cache
from pathlib import Path

import pytest

from lotor.crypto.certificates import read_certificates
from lotor.crypto.private.issuing import Issuer
from lotor.crypto.private.keypair import generate_key
from lotor.daemon.exits import Exit, StartError
from lotor.hosts.commands import Commands
from lotor.init import client, gateway
from lotor.init.answers import Client, ClientWishes, GatewayWishes, pool_of
from lotor.init.carrying import Plan, carry_out, stands, take_back
from lotor.init.host import Target
from lotor.init.record import FILE, held, setups_of
from lotor.init.steps import Called, NewFile, digest_of
from lotor.keys.saved import saved_password
from lotor.model.secret import Secret
from lotor.pki.authority import new_authority, new_gateway

AT = "2026-11-29 12:00:00 UTC"
PROGRAM = """\
#!/bin/sh
echo "{name} $*" >> "{log}"
case "{name} $*" in {failing}) echo "no, says {name}"; exit 1;; esac
"""


class Host(Target):
    """A host in a directory, with programs that only note how they were called."""

    __slots__ = ()

    @staticmethod
    def at(root: Path, *, systemd: bool = False, failing: str = "nothing") -> Host:
        programs = root.with_name("programs")
        programs.mkdir(exist_ok=True)
        for name in ("nft", "systemctl") if systemd else ("nft",):
            text = PROGRAM.format(name=name, log=root.with_name("log"), failing=failing)
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        for name in ("etc", "var/lib", "run/systemd/system" if systemd else "run", "proc/sys/net/ipv4"):
            (root / name).mkdir(parents=True, exist_ok=True)
        if systemd:
            (root / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
        (root / "proc/sys/net/ipv4/ip_forward").write_text("0\n")
        return Host(root, Commands(f"{programs}:/usr/bin:/bin"))

    def calls(self) -> list[str]:
        log = self.root.with_name("log")
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """An empty host. Keys of RSA take a second each: all tests share one of a kind."""
    monkeypatch.setattr("lotor.pki.authority.generate_key", KEYS)
    return tmp_path / "root"


KEYS = cache(generate_key)


def tree(target: Target) -> dict[str, object]:
    """Everything below the root, but the time of it."""
    return {
        str(path.relative_to(target.root)): (stat.S_IMODE(path.lstat().st_mode), path.is_file() and path.read_bytes())
        for path in sorted(target.root.rglob("*"))
    }


WISHES = GatewayWishes(
    ("vpn.example.net", "192.0.2.50"), pool_of("10.99.99.0/24"), user="alice", password=Secret("a long password")
)


def planned(target: Target, wishes: GatewayWishes = WISHES) -> Plan:
    return gateway.plan(wishes, target)


def done(target: Target, plan: Plan) -> None:
    with held(target) as record:
        carry_out(plan, record, target, AT, lambda: None)


def undone(target: Target) -> list[str]:
    with held(target) as record:
        return take_back(record, target)


def test_a_gateway_is_written_with_closed_secrets_and_taken_back_exactly(root):
    host = Host.at(root, systemd=True, failing="*is-active*|*is-enabled*")
    before = tree(host)
    done(host, planned(host))
    after = tree(host)
    modes = {name: mode for name, (mode, octets) in after.items() if name not in before and octets}
    private = {"etc/lotor/certs/ca.key", "etc/lotor/certs/vpngw.key", "etc/lotor/users", FILE.lstrip("/")}
    assert {name for name, mode in modes.items() if not mode & 0o077} == private
    assert set(modes) == private | {f"etc/lotor/{name}" for name in ("racoon.conf", "certs/ca.crt", "certs/vpngw.crt")}
    assert "masquerade on;" in host.path("/etc/lotor/racoon.conf").read_text()
    assert "systemctl enable --now lotor.service" in host.calls()
    assert b"a long password" not in b"".join(octets for _, octets in after.values() if octets)
    assert undone(host) == []
    assert tree(host) == before
    assert host.calls()[-1] == "systemctl disable --now lotor.service"


def test_a_fault_at_each_step_leaves_nothing(root, monkeypatch):
    host = Host.at(root)
    plan, before = planned(host), tree(host)
    assert len(plan.steps) > 7
    tried = 0
    for number, step in enumerate(plan.steps):
        kind, make = type(step), type(step).make

        def failing(self, target, *, wanted=step, made=make):
            if self is wanted:
                raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")
            made(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(kind, "make", failing)
            with pytest.raises(StartError, match="No space left on device; everything was taken back"):
                done(host, plan)
        assert tree(host) == before, (number, step.told())
        tried += 1
    assert tried == len(plan.steps)


def test_a_step_that_was_made_half_is_taken_back_too(root, monkeypatch):
    host = Host.at(root)
    plan, before = planned(host), tree(host)
    tried = 0
    for step in plan.files:
        made = type(step).make

        def half(self, target, *, wanted=step, make=made):
            make(self, target)
            if self is wanted:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(step), "make", half)
            with pytest.raises(KeyboardInterrupt):
                done(host, plan)
        assert tree(host) == before
        tried += 1
    assert tried > 5


@pytest.mark.parametrize("writes", range(1, 16))
def test_a_record_that_cannot_be_written_stops_before_the_step(root, monkeypatch, writes):
    host = Host.at(root)
    plan, before, count = planned(host), tree(host), 0
    whole = os.write

    def full(descriptor, octets):
        nonlocal count
        count += 1
        if count == writes:
            whole(descriptor, octets[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(descriptor, octets)

    monkeypatch.setattr("lotor.init.record.os.write", full)
    if writes > len(plan.steps) + 2:
        done(host, plan)
        return
    with pytest.raises(StartError, match="No space left on device"):
        done(host, plan)
    assert tree(host) == before


def test_a_configuration_that_is_judged_wrong_leaves_nothing(root):
    host = Host.at(root)
    plan, before = planned(host), tree(host)

    def judge() -> None:
        raise StartError("line 3 is wrong", Exit.CONFIGURATION)

    with held(host) as record, pytest.raises(StartError, match="line 3 is wrong; everything") as caught:
        carry_out(plan, record, host, AT, judge)
    assert caught.value.code is Exit.CONFIGURATION
    assert tree(host) == before
    assert host.calls() == []


def test_a_service_that_does_not_start_leaves_nothing(root):
    host = Host.at(root, systemd=True, failing="*is-*|*enable*lotor.service")
    before = tree(host)
    with pytest.raises(StartError, match="no, says systemctl"):
        done(host, planned(host))
    assert tree(host) == before
    journal = root.with_name("programs") / "journalctl"
    journal.write_text("#!/bin/sh\necho Starting\necho lotor: port 500 is in use by charon\necho Failed\n")
    journal.chmod(0o755)
    with pytest.raises(StartError, match=r"^lotor\.service does not start: port 500 is in use by charon; everything"):
        done(host, planned(host))


def test_what_was_cut_off_by_a_power_cut_is_known(root):
    host = Host.at(root)
    plan, before = planned(host), tree(host)
    with held(host) as record:
        record.begin(plan.what, AT)
        for step in plan.files[:6]:
            record.note(step)
            step.make(host)
        record.note(plan.files[6])
    with host.path(FILE).open("ab") as file:
        file.write(b'{"step": "NewFi')
    (setup,) = setups_of(host)
    assert (setup.whole, len(setup.steps)) == (False, 7)
    assert undone(host) == []
    assert tree(host) == before


def test_the_record_has_its_name_on_the_disk_before_the_first_step(root, monkeypatch):
    host, settled = Host.at(root), []
    sync = os.fsync

    def seen(descriptor):
        settled.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr("os.fsync", seen)
    with held(host) as record:
        record.begin("gateway a", AT)
    assert settled == [host.path(FILE).parent, host.path(FILE).parent.parent, host.path(FILE)]


def test_what_a_person_changed_is_kept_and_told(root):
    host = Host.at(root)
    done(host, planned(host))
    users = host.path("/etc/lotor/users")
    users.write_text(users.read_text() + "bob:$argon2id$x:\n")
    host.path("/etc/lotor/certs/ca.crt").unlink()
    (setup,) = setups_of(host)
    state = dict(stands(setup, host))
    assert state["/etc/lotor/users"] == "changed since"
    assert state["/etc/lotor/certs/ca.crt"] == "missing"
    assert state["/etc/lotor/racoon.conf"] == "as it was written"
    assert undone(host) == ["/etc/lotor/users was changed since and is kept"]
    assert [path.name for path in host.path("/etc/lotor").iterdir()] == ["users"]
    assert not host.path(FILE).exists()


def test_what_was_there_is_kept_beside_and_comes_back(root):
    host = Host.at(root)
    host.path("/etc/lotor").mkdir()
    host.path("/etc/lotor/racoon.conf").write_text("# mine\n")
    host.path("/etc/lotor/racoon.conf.before-init").write_text("# older\n")
    before = tree(host)
    plan = planned(host)
    assert plan.replaced() == ["/etc/lotor/racoon.conf"]
    done(host, plan)
    assert host.path("/etc/lotor/racoon.conf.before-init.1").read_text() == "# mine\n"
    assert undone(host) == []
    assert tree(host) == before


def test_a_replaced_file_that_a_person_changed_is_kept_with_the_old_one_beside(root):
    host = Host.at(root)
    host.path("/etc/lotor").mkdir()
    host.path("/etc/lotor/racoon.conf").write_text("# mine\n")
    done(host, planned(host))
    host.path("/etc/lotor/racoon.conf").write_text("# better\n")
    (told,) = undone(host)
    assert told.endswith("is kept; what was there before it is /etc/lotor/racoon.conf.before-init")
    assert host.path("/etc/lotor/racoon.conf").read_text() == "# better\n"
    assert host.path("/etc/lotor/racoon.conf.before-init").read_text() == "# mine\n"


def test_one_setup_on_top_of_another_keeps_the_authority_and_unwinds_in_order(root):
    host = Host.at(root)
    before = tree(host)
    done(host, planned(host))
    first = tree(host)
    authority = host.path("/etc/lotor/certs/ca.crt").read_bytes()
    done(host, planned(host, GatewayWishes(("other.example.net",), pool_of("10.98.0.0/16"))))
    assert host.path("/etc/lotor/certs/ca.crt").read_bytes() == authority
    assert len(setups_of(host)) == 2
    assert undone(host) == []
    assert tree(host) == first
    assert undone(host) == []
    assert tree(host) == before


def test_what_fails_at_taking_back_stays_noted_for_another_try(root):
    host = Host.at(root, systemd=True, failing="*is-active*|*is-enabled*|*disable*")
    before = tree(host)
    done(host, planned(host))
    (told,) = undone(host)
    assert told.startswith("systemctl enable --now lotor.service was not taken back: ")
    Host.at(root, systemd=True)
    assert undone(host) == []
    assert tree(host) == before


def test_two_at_a_time_and_a_strange_record(root):
    host = Host.at(root)
    with held(host), pytest.raises(StartError, match="another lotor init is under way") as caught, held(host):
        pass
    assert caught.value.code is Exit.BUSY
    assert not host.path(FILE).exists()
    host.path("/var/lib/lotor").mkdir()
    host.path(FILE).write_text('{"step": "Format", "disk": "sda"}\n')
    with pytest.raises(StartError, match="is no record of lotor init"):
        setups_of(host)


def test_what_follows_a_setup_that_was_taken_back_is_noted_as_well(root):
    host = Host.at(root)
    before = tree(host)
    done(host, planned(host))
    with held(host) as record:
        take_back(record, host)
        carry_out(planned(host), record, host, AT, lambda: None)
    assert [each.what for each in setups_of(host)] == ["gateway vpn.example.net 192.0.2.50"]
    assert undone(host) == []
    assert tree(host) == before


def test_one_who_waited_for_a_record_that_is_gone_notes_nothing_in_it(root, monkeypatch):
    host = Host.at(root)
    lock = fcntl.flock

    def late(descriptor, how):
        host.path(FILE).unlink()
        lock(descriptor, how)

    monkeypatch.setattr("lotor.init.record.fcntl.flock", late)
    with pytest.raises(StartError, match="another lotor init is under way"), held(host):
        pass


def test_a_service_comes_back_as_it_was(root):
    running = Host.at(root, systemd=True)
    assert planned(running).acts[-1] == Called(
        ("systemctl", "restart", "lotor.service"), ("systemctl", "restart", "lotor.service"), "lotor.service"
    )
    stopped = Host.at(root, systemd=True, failing="*is-active*")
    assert planned(stopped).acts[-1] == Called(
        ("systemctl", "enable", "--now", "lotor.service"), ("systemctl", "stop", "lotor.service"), "lotor.service"
    )
    unknown = Host.at(root, systemd=True, failing="*cat*")
    assert "lotor.service is not installed: start it by lotor daemon, now and at each boot" in planned(unknown).remarks


def test_a_service_that_ran_starts_again_behind_the_files_that_were_there_before(root):
    host = Host.at(root, systemd=True)
    done(host, planned(host))
    first = host.path("/etc/lotor/racoon.conf").read_bytes()
    watched = 'echo "at $*: $(grep -c 10.98.0.1 "{file}")" >> "{log}"\n'
    systemctl = root.with_name("programs") / "systemctl"
    systemctl.write_text("#!/bin/sh\n" + watched.format(file=host.path("/etc/lotor/racoon.conf"), log=root / "seen"))
    second = GatewayWishes(("vpn.example.net",), pool_of("10.98.0.0/16"))
    done(host, planned(host, second))
    seen = (root / "seen").read_text().splitlines()
    assert seen[-1] == "at restart lotor.service: 1"
    assert undone(host) == []
    assert host.path("/etc/lotor/racoon.conf").read_bytes() == first
    back = (root / "seen").read_text().splitlines()[len(seen) :]
    assert back == ["at restart lotor.service: 0"]


def test_a_service_that_does_not_start_again_has_its_old_files_when_it_is_tried(root):
    host = Host.at(root, systemd=True)
    host.path("/etc/lotor").mkdir()
    host.path("/etc/lotor/racoon.conf").write_text("# mine\n")
    systemctl = root.with_name("programs") / "systemctl"
    refusing = '#!/bin/sh\n[ "$1 $2" != "restart lotor.service" ] || grep -q mine "{}"\n'
    systemctl.write_text(refusing.format(host.path("/etc/lotor/racoon.conf")))
    with pytest.raises(StartError, match=r"restart lotor\.service` failed.*; everything was taken back"):
        done(host, planned(host))
    assert setups_of(host) == []


EARLIER = """\
{"setup": "gateway vpn.example.net", "at": "2026-11-28 12:00:00 UTC", "directory": false}
{"step": "NewDirectory", "path": "/etc/sysctl.d", "mode": 493}
{"step": "NewFile", "path": "/etc/sysctl.d/90-lotor.conf", "mode": 420, "digest": "%s", "what": "", "backup": ""}
{"step": "Called", "words": [], "back": ["systemctl", "daemon-reload"], "unit": ""}
{"step": "Switched", "name": "net.ipv4.ip_forward", "value": "1", "before": "0"}
{"step": "Called", "words": ["nft", "-f", "/etc/lotor/network.nft"], "back": ["nft", "gone"], "unit": ""}
{"whole": true}
"""


def test_what_an_earlier_build_set_up_for_the_network_is_taken_back(root):
    host = Host.at(root, systemd=True)
    before = tree(host)
    host.path("/etc/sysctl.d").mkdir()
    host.path("/etc/sysctl.d/90-lotor.conf").write_text("net.ipv4.ip_forward = 1\n")
    host.path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    host.path(FILE).parent.mkdir()
    host.path(FILE).write_text(EARLIER % digest_of(b"net.ipv4.ip_forward = 1\n"))
    assert undone(host) == []
    assert host.calls() == ["nft gone", "systemctl daemon-reload"]
    assert {name for name in tree(host) if "lotor" not in name} == {name for name in before if "lotor" not in name}
    assert host.path("/proc/sys/net/ipv4/ip_forward").read_text() == "0"


def test_a_link_that_leads_nowhere_is_kept_beside_and_comes_back(root):
    host = Host.at(root)
    host.path("/etc/lotor").mkdir()
    host.path("/etc/lotor/racoon.conf").symlink_to("/nowhere/racoon.conf")
    done(host, planned(host))
    assert not host.path("/etc/lotor/racoon.conf").is_symlink()
    assert undone(host) == []
    assert str(host.path("/etc/lotor/racoon.conf").readlink()) == "/nowhere/racoon.conf"
    assert [path.name for path in host.path("/etc/lotor").iterdir()] == ["racoon.conf"]


def test_a_client_has_the_authority_and_no_password_unless_asked(root):
    host = Host.at(root)
    authority = planned(host)
    pem = next(each.octets for each in authority.files if isinstance(each, NewFile) and each.path.endswith("ca.crt"))
    before = tree(host)
    plan = client.plan(ClientWishes("vpn.example.net", pem, "alice", "operator"), host)
    done(host, plan)
    text = host.path("/etc/lotor/racoon.conf").read_text()
    assert "remote anonymous {" in text
    assert 'xauth_login "alice";' in text
    assert not host.path("/etc/lotor/psk.txt").exists()
    assert undone(host) == []
    assert tree(host) == before
    done(host, client.plan(ClientWishes("192.0.2.50", pem, "alice", "root", Secret("hers")), host))
    assert "remote 192.0.2.50 {" in host.path("/etc/lotor/racoon.conf").read_text()
    keys = host.path("/etc/lotor/psk.txt")
    assert (keys.read_text(), stat.S_IMODE(keys.stat().st_mode)) == ("alice hers\n", 0o600)


@pytest.mark.parametrize("password", ["0xabc", " in front", "behind ", "0x", "plain, with blanks"])
def test_a_kept_password_is_read_as_it_was_typed(root, password):
    host = Host.at(root)
    pem = new_authority("CA")[1]
    done(host, client.plan(ClientWishes("192.0.2.50", pem, "alice", "root", Secret(password)), host))
    assert saved_password(host.path("/etc/lotor/psk.txt"), "alice") == Secret(password)


@pytest.mark.parametrize(
    ("wishes", "fault"),
    [
        ({"gateway": "not a name"}, "neither a host name nor an address"),
        ({"gateway": "192.0.2.50\n}"}, "neither a host name nor an address"),
        ({"authority": b"nonsense"}, "the file of --ca cannot be used"),
        ({"user": 'x"; script "/tmp/x'}, "a user with a quotation mark"),
        ({"user": "a\nb"}, "a user name has no colon, no control characters"),
        ({"password": Secret("x")}, "whose name is one word: give --user"),
        ({"password": Secret("x"), "user": "two words"}, "whose name is one word: give --user"),
        ({"password": Secret("x"), "user": "*"}, "whose name is one word: give --user"),
        ({"password": Secret(""), "user": "alice"}, "whose name is one word: give --user"),
    ],
)
def test_what_a_client_cannot_be_is_refused(root, wishes, fault):
    given = {"gateway": "vpn.example.net", "authority": new_authority("CA")[1], **wishes}
    with pytest.raises(StartError, match=fault):
        client.plan(ClientWishes(**given), Host.at(root))


def test_a_certificate_that_is_no_authoritys_is_refused(root):
    issuer, certificate = new_authority("CA")
    pem = new_gateway(Issuer(read_certificates(certificate)[0], issuer), ("vpn.example.net",))[1]
    with pytest.raises(StartError, match="is no authority: take the gateway") as caught:
        client.plan(ClientWishes("vpn.example.net", pem), Host.at(root))
    assert caught.value.code is Exit.CERTIFICATE


def test_what_only_some_clients_need_is_there_for_them_alone(root):
    host = Host.at(root)
    modern = written(planned(host))
    assert "sha1" not in modern
    assert "modp1024" not in modern
    assert "esp_frag" not in modern
    old = written(
        planned(host, GatewayWishes(("a.example",), pool_of("10.0.0.0/12"), clients=frozenset(Client), shared_key=True))
    )
    assert old.count("proposal {") == 6
    assert "hmac_sha256, hmac_sha1" in old
    assert "save_passwd on;" in old
    assert 'path pre_shared_key "/etc/lotor/psk.txt";' in old


def written(plan: Plan) -> str:
    (text,) = (each.octets for each in plan.files if isinstance(each, NewFile) and each.path.endswith("racoon.conf"))
    return text.decode()


def test_without_nft_nothing_is_translated_untold(root):
    host = Host.at(root)
    (root.with_name("programs") / "nft").unlink()
    bare = Target(root, Commands(str(root.with_name("programs"))))
    with pytest.raises(StartError, match="install nftables, or give --no-masquerade"):
        planned(bare)
    routed = GatewayWishes(("a.example",), pool_of("10.99.99.0/24"), masquerade=False)
    plan = planned(bare, routed)
    assert "hosts inside need a route to the clients' addresses by way of this gateway" in plan.remarks
    done(host, plan)
    assert "mss_clamp off;" in host.path("/etc/lotor/racoon.conf").read_text()
