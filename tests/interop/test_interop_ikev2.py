"""strongSwan as a client of lotor's gateway over IKEv2."""

from __future__ import annotations

import signal

import pytest

from lab.dialling import carries, dialled, ping
from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST
from lab.node import LabError, wait_until


@pytest.fixture
def gateway(internet, certificates):
    return serve(internet, certificates)


def test_a_person_comes_in_with_name_and_password(internet, certificates, gateway):
    client = join(internet.client, certificates)
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.1")
    (session,) = gateway.sessions()
    assert (session["user"], session["address"], session["ike"]) == ("alice", "10.99.99.1", 2)
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_person_whose_password_only_argon2_knows_comes_in_by_gtc(internet, certificates, gateway):
    client = join(internet.client, certificates, user="bob", password="bobpass", eap="eap-gtc")
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.1")


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("mallory", "alicepass"), ("bob", "wrong")])
def test_a_wrong_password_and_an_unknown_user_are_refused_alike(internet, certificates, gateway, user, password):
    client = join(internet.client, certificates, user=user, password=password)
    with pytest.raises(LabError, match="EAP"):
        client.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])
    assert "10.99.99." not in internet.client.run("ip", "-br", "address").stdout


def test_old_and_new_devices_of_one_person_at_one_gateway(internet, certificates, gateway):
    new = join(internet.client, certificates)
    assert "completed successfully" in new.initiate()
    other = internet.clients[1]
    dialled(other, certificates, group="dh14", pfs="nopfs")
    assert {each["ike"] for each in gateway.sessions()} == {1, 2}
    assert ping(internet.client, INSIDE_HOST)
    assert ping(other, INSIDE_HOST)


def test_keys_are_renewed_by_the_client_while_traffic_flows(internet, certificates, gateway):
    client = join(internet.client, certificates)
    client.initiate()
    for words in (("--rekey", "--child", "net"), ("--rekey", "--ike", "ra"), ("--rekey", "--child", "net")):
        client.control(*words)
        assert ping(internet.client, INSIDE_HOST), words
    (session,) = gateway.sessions()
    assert session["user"] == "alice"


def test_the_gateway_answers_another_group_than_the_first(internet, certificates, gateway):
    client = join(internet.client, certificates, proposals="aes256gcm16-prfsha384-modp3072-ecp384")
    assert "completed successfully" in client.initiate()


def test_without_a_common_proposal_both_ends_say_so(internet, certificates, gateway):
    client = join(internet.client, certificates, proposals="3des-sha1-modp768")
    with pytest.raises(LabError, match="NO_PROPOSAL_CHOSEN"):
        client.initiate(10)
    gateway.running.expect("no proposal chosen")
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_client_that_falls_silent_is_noticed(internet, certificates, gateway):
    client = join(internet.client, certificates)
    client.initiate()
    client.running.stop(signal.SIGKILL)
    assert wait_until(lambda: gateway.sessions() == [], 60)
    assert wait_until(lambda: "accounting stop" in gateway.journal())
