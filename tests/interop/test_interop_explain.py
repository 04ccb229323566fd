"""The eyes: what a gateway tells of real clients, and a capture of theirs that tshark reads."""

import json
import subprocess

from lab import lotor
from lab.dialling import dial, dialled, road_warrior, serve
from lab.node import wait_until


def story(program, subject):
    done = program.call("explain", subject)
    assert done.code == 0, done
    assert max(map(len, done.stdout.splitlines())) <= 80, done.stdout
    return done.stdout


def test_a_gateway_nobody_came_to_has_nothing_to_tell(gateway):
    assert gateway.call("explain").stdout == "no attempts yet\n"
    assert gateway.call("explain", "alice").code == 1


def test_a_visit_of_vpnc_is_told(internet, certificates, gateway):
    vpnc = dialled(internet.client, certificates)
    told = story(gateway, "alice")
    assert "peer is   vpnc\n" in told
    assert "login of alice accepted" in told
    assert "address   10.99.99.1 for alice" in told
    assert vpnc.disconnect() == 0
    assert wait_until(lambda: gateway.attempt("10.99.99.1")["state"] == "ended")


def test_a_refused_login_is_told_at_both_ends_and_in_the_journal(internet, certificates, gateway):
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "a-wrong-one").code == 13
    assert wait_until(lambda: gateway.call("explain", "alice").code == 0 and gateway.attempt("alice")["cause"])
    theirs, ours = gateway.attempt("alice"), client.attempt(lotor.GATEWAY)
    assert (theirs["program"], theirs["state"], theirs["cause"]) == ("lotor", "failed", "LOGIN_REFUSED")
    assert (ours["state"], ours["cause"], ours["login"]) == ("failed", "LOGIN_REFUSED", "")
    assert "lotor user passwd" in story(gateway, "alice")
    assert "type the password again" in story(client, lotor.GATEWAY)
    gateway.running.expect("story: who: a client at")
    client.running.expect("story: who: this host to the gateway")
    assert "1 attempt failed since the start" in gateway.call("status").stdout
    assert "a-wrong-one" not in gateway.journal() + client.journal() + story(gateway, "alice")


def test_a_client_with_other_algorithms_is_told_what_to_change(internet, certificates):
    gateway = serve(internet, certificates, dh_group="14")
    vpnc = dial(internet.client, certificates, group="dh2")
    assert wait_until(lambda: not vpnc.running.alive, 60)
    (stranger, *_) = json.loads(gateway.call("explain", "--json").stdout)["attempts"]
    assert (stranger["cause"], stranger["program"]) == ("NO_PROPOSAL", "vpnc")
    assert "IKE DH Group dh14" in stranger["fix"]


def test_a_capture_of_a_visit_is_read_by_tshark(internet, certificates):
    gateway = serve(internet, certificates)
    assert gateway.stop() == 0
    gateway.start("-d", "--capture", "/run/ike.pcapng")
    packets, keys = (internet.gateway.path(f"/run/ike.pcapng{end}") for end in ("", ".ikev1_decryption_table"))
    vpnc = dialled(internet.client, certificates)
    assert "warning" in gateway.journal().lower()
    assert "a capture runs" in gateway.call("status").stdout
    assert vpnc.disconnect() == 0
    assert gateway.stop() == 0
    (line,) = keys.read_text().splitlines()
    assert line.partition(",")[2] not in gateway.journal()
    assert [oct(each.stat().st_mode)[-3:] for each in (packets, keys)] == ["600", "600"]
    command = ["tshark", "-r", str(packets), "-V", "-O", "isakmp", "-o", f"uat:ikev1_decryption_table:{line}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    for word in ("XAUTH_USER_PASSWORD: alicepass", "INTERNAL_IP4_ADDRESS", "Payload: Delete"):
        assert word in text, word
    again = gateway.launch("--capture", "/run/ike.pcapng")
    assert wait_until(lambda: not again.alive)
    assert "never overwrites" in again.text()
