"""`auth_source pam` as the HOW-TO has it, with real modules: accounts of the host, and a code as a second round."""

import hmac
import struct
import subprocess
import time
from base64 import b32encode

import pytest

from lab import lotor
from lab.dialling import ping, road_warrior
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK
from lab.node import wait_until
from lab.vpnc import Vpnc

UNIX = "auth required pam_unix.so\naccount required pam_unix.so\n"
CODES = "auth required pam_unix.so\nauth required pam_google_authenticator.so secret=/etc/otp/${USER} user=root\n"
SECRET = b"0123456789abcdefghij"


def code(later: int = 0) -> str:
    """RFC 6238, of the time step that is so many away."""
    digest = hmac.digest(SECRET, struct.pack(">Q", int(time.time()) // 30 + later), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def accounts(node):
    hashed = subprocess.run(["openssl", "passwd", "-6", "pampass"], capture_output=True, text=True, check=True).stdout
    names = ("carol", "vera", "expired")
    passwd = ["root:x:0:0::/:/bin/sh", *(f"{name}:x:2000:100::/:/bin/sh" for name in names)]
    today = int(time.time()) // 86400
    shadow = [f"{name}:{hashed.strip()}:{today}:0:99999:7::{'1' if name == 'expired' else ''}:" for name in names]
    node.write("/etc/passwd", "\n".join(passwd) + "\n")
    node.write("/etc/shadow", "\n".join(shadow) + "\n", 0o600)
    for name in names:
        text = f'{b32encode(SECRET).decode()}\n" WINDOW_SIZE 9\n" DISALLOW_REUSE\n" TOTP_AUTH\n'
        node.write(f"/etc/otp/{name}", text, 0o600)


def served(internet, certificates, *options):
    """The HOW-TO's gateway, its line `auth_source` as the HOW-TO has it for PAM."""
    accounts(internet.gateway)
    internet.gateway.write("/etc/pam.d/racoon", f"{CODES}account required pam_unix.so\n")
    gateway = lotor.gateway(internet.gateway, certificates, auth_source="pam")
    gateway.start("-d", *options)
    return gateway


def by_hand(client, user, *answers, refused=False):
    """`lotor vc` by a person, who gives up when it asks once more: the exit code, and what stood on the screen."""
    with client.type("vc", "-u", user, GATEWAY) as terminal:
        for prompt, answer in zip(("Password: ", "Verification code"), answers, strict=False):
            terminal.expect(prompt)
            terminal.type(answer)
        if refused:
            terminal.expect("refused the login of carol: try again")
            terminal.interrupt()
        return terminal.end(), terminal.screen


@pytest.mark.parametrize("options", [(), ("--single-process",)], ids=["two processes", "one"])
def test_a_code_is_a_second_round(internet, certificates, options):
    gateway = served(internet, certificates, *options)
    client = road_warrior(internet.client, certificates)
    first, second = code(-1), code()
    ended, screen = by_hand(client, "carol", "pampass", first)
    assert ended == 0, screen
    assert "Bound to address 10.99.99.1" in screen
    assert ping(internet.client, INSIDE_HOST)
    (session,) = gateway.sessions()
    assert session["user"] == "carol"
    assert client.call("vd", GATEWAY).code == 0
    for password, answer in (("pampass", first), ("guess", second)):
        ended, screen = by_hand(client, "carol", password, answer, refused=True)
        assert ended == 130, screen
    internet.gateway.write("/etc/pam.d/racoon", UNIX)
    over = lotor.connect(client, "expired", "pampass")
    assert (over.code, "account has expired" in over.stderr) == (13, True), over
    assert lotor.connect(client, "root", "pampass").code == 13
    accepted = lotor.connect(client, "carol", "pampass")
    assert accepted.code == 0, accepted
    journal = gateway.journal()
    assert "PAM refused it (auth): Authentication failure" in journal
    assert not any(each in journal for each in ("pampass", first, second))


def test_vpnc_asks_for_the_code(internet, certificates):
    gateway = served(internet, certificates)
    node = internet.client
    vpnc = Vpnc(node, GATEWAY, certificates / "ca.crt", (INSIDE_NETWORK,))
    with vpnc.typed("vera") as terminal:
        terminal.expect("Password for VPN vera@")
        terminal.type("pampass")
        terminal.expect("Passcode for VPN vera@")  # the words of the module it keeps to itself
        terminal.type(code())
        assert wait_until(lambda: vpnc.connected), terminal.screen
        assert wait_until(lambda: ping(node, INSIDE_HOST))
        assert [each["user"] for each in gateway.sessions()] == ["vera"]
        terminal.interrupt()
        terminal.end()
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_module_that_hangs_holds_nobody_up(internet, certificates):
    """A directory that does not answer, for one person: the others log in, and nothing is left of a login that nobody
    waits for."""
    gateway = served(internet, certificates)
    node = internet.gateway
    hangs = "auth [success=1 default=ignore] pam_succeed_if.so quiet user != vera\n"
    node.write("/etc/pam.d/racoon", f"{hangs}auth required pam_exec.so /bin/sleep 777\n{UNIX}")
    hers, his = (road_warrior(each, certificates) for each in internet.clients)

    def hanging():
        return node.run("pgrep", "-f", "^/bin/sleep 777", check=False).code == 0

    with hers.type("vc", "-u", "vera", GATEWAY) as terminal:
        terminal.expect("Password: ")
        terminal.type("pampass")
        assert wait_until(hanging)
        assert lotor.connect(his, "carol", "pampass").code == 0
        assert hanging()
        terminal.interrupt()
        terminal.end()
    assert wait_until(lambda: not hanging())
    assert [each["user"] for each in gateway.sessions()] == ["carol"]
