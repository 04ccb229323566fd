"""Logins at a real OpenLDAP: the engine alone on loopback, then a gateway with vpnc as its client."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

import slapd
from directory import attempt, settings
from lab import lotor
from lab.dialling import dial, dialled, ping
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from looped import looped
from lotor.config.servers import LdapServer
from lotor.ldap import servers
from lotor.ldap.logins import LdapLogins
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Refused
from lotor.model.reasons.logins import (
    BackEndFault,
    Locked,
    PasswordDue,
    PasswordExpired,
    SeveralEntries,
    UnknownUser,
    WrongPassword,
)

ANNA = f"uid=anna,ou=people,{slapd.BASE}"
PEOPLE = (
    slapd.person("anna", "secret", "racoon-address: 10.99.99.77", "racoon-netmask: 255.255.255.0"),
    slapd.person("bob", "secret"),
    slapd.person("carl", "secret"),
    slapd.person("fresh", "secret", "pwdReset: TRUE"),
    slapd.person(
        "aged", "secret", f"pwdPolicySubentry: cn=aged,ou=policies,{slapd.BASE}", "pwdChangedTime: 20200101000000Z"
    ),
    slapd.person("twin", "secret"),
    slapd.person("twin", "secret", unit="twins"),
    slapd.group("vpn users", ANNA, f"uid=carl,ou=people,{slapd.BASE}"),
    slapd.group("admins", ANNA),
)


@pytest.fixture(scope="module")
def directory():
    with slapd.running(*PEOPLE) as running:
        yield running


@pytest.fixture(scope="module")
def signers(directory):
    return (directory.home / "ca.crt").read_text()


def engine(directory, *those, groups=False, addresses=False, **others):
    asked = those or (LdapServer("127.0.0.1", directory.port),)
    return LdapLogins(settings(*asked, **others), groups=groups, addresses=addresses)


async def judge(made, user, password="secret"):
    return await made.judge(attempt(user, password))


@looped
async def test_who_gets_in_and_who_does_not(directory):
    made = engine(directory, groups=True, addresses=True)
    granted = Grants(
        address=IPv4Address("10.99.99.77"),
        netmask=IPv4Address("255.255.255.0"),
        groups=frozenset({"vpn users", "admins"}),
    )
    assert await judge(made, "anna") == Accepted("anna", granted)
    assert await judge(made, "ANNA") == Accepted("anna", granted)
    assert await judge(made, "carl") == Accepted("carl", Grants(groups=frozenset({"vpn users"})))
    refused = {
        ("anna", "wrong"): WrongPassword("anna"),
        ("anna", ""): WrongPassword("anna"),
        ("zoe", "secret"): UnknownUser("zoe"),
        ("*", "secret"): UnknownUser("*"),
        ("anna)(uid=*", "secret"): UnknownUser("anna)(uid=*"),
        ("an*", "secret"): UnknownUser("an*"),
        (ANNA, "secret"): UnknownUser(ANNA),
        ("twin", "secret"): SeveralEntries("twin", "uid"),
        ("fresh", "secret"): PasswordDue("fresh"),
        ("fresh", "wrong"): WrongPassword("fresh"),
        ("aged", "secret"): PasswordExpired("aged"),
    }
    assert {each: (await judge(made, *each)).reason for each in refused} == refused
    await made.close()


@looped
async def test_a_directory_that_locks_an_account_says_so(directory):
    made = engine(directory)
    reasons = [(await judge(made, "bob", each)).reason for each in ("x", "y", "z", "secret")]
    assert reasons == [*[WrongPassword("bob")] * 3, Locked("bob", "account")]
    await made.close()


@looped
async def test_groups_in_the_entry_and_groups_for_another_back_end(directory):
    made = engine(directory, groups=True)
    assert await made.groups_of("anna") == {"vpn users", "admins"}
    assert await made.groups_of("zoe") == frozenset()
    await made.close()


@pytest.mark.parametrize("secure", [False, True])
@looped
async def test_tls_with_the_right_authority_and_with_another(directory, signers, secure):
    port = directory.secure_port if secure else directory.port
    server = LdapServer("127.0.0.1", port, secure=secure)
    right = engine(directory, server, tls=True, authorities=signers)
    for _ in range(3):
        assert await judge(right, "carl") == Accepted("carl")
    assert await judge(right, "carl", "wrong") == Refused(WrongPassword("carl"))
    await right.close()
    other = (await judge(engine(directory, server, tls=True), "carl")).reason
    assert isinstance(other, BackEndFault)
    assert "its certificate is refused: self-signed certificate in certificate chain" in other.detail
    elsewhere = LdapServer("127.0.0.2", port, secure=secure)
    directory_at = replace(elsewhere, host="ip6-localhost") if secure else elsewhere
    assert isinstance((await judge(engine(directory, directory_at, tls=True), "carl")).reason, BackEndFault)


@looped
async def test_a_certificate_for_another_name_is_refused(directory, signers):
    """slapd listens at one address; the name that the certificate lacks leads there, too."""

    async def leading(name):
        return ["127.0.0.1"]

    for secure in (False, True):
        port = directory.secure_port if secure else directory.port
        server = LdapServer("ldap.example.net", port, secure=secure)
        made = LdapLogins(settings(server, tls=True, authorities=signers), look_up=leading)
        assert "Hostname mismatch" in (await judge(made, "carl")).reason.detail


@looped
async def test_the_first_server_dead_the_other_silent_and_back(directory):
    dead = LdapServer("127.0.0.1", 1)
    made = engine(directory, dead, LdapServer("127.0.0.1", directory.port), timeout=3)
    assert await judge(made, "carl") == Accepted("carl")
    directory.pause()
    try:
        silent = (await judge(made, "carl")).reason
    finally:
        directory.go_on()
    assert isinstance(silent, BackEndFault)
    assert "no answer within 3 seconds" in silent.detail
    assert await judge(made, "carl") == Accepted("carl")
    await made.close()


@looped
async def test_a_server_gone_and_back(directory):
    made = engine(directory)
    assert await judge(made, "carl") == Accepted("carl")
    directory.stop()
    gone = (await judge(made, "carl")).reason
    assert "Connection refused" in gone.detail
    directory.start()
    assert await judge(made, "carl") == Accepted("carl")
    assert servers.DEAD > 0, "the only server is asked all the same"
    await made.close()


def ldapcfg(there, node):
    node.write("/etc/racoon/ldap-ca.crt", (there.home / "ca.crt").read_bytes())
    return f"""
ldapcfg {{
    uri "ldap://127.0.0.1:1";
    uri "ldaps://127.0.0.1:{there.secure_port}";
    ca_file "/etc/racoon/ldap-ca.crt";
    base "{slapd.BASE}";
    subtree on;
    bind_dn "{slapd.SERVICE}";
    bind_pw "{slapd.SERVICE_PASSWORD}";
    attr_user "uid";
}}
"""


@pytest.fixture
def there():
    with slapd.filled(*PEOPLE) as found:
        yield found


@pytest.mark.parametrize("options", [(), ("--single-process",)], ids=["three processes", "one process"])
def test_vpnc_logs_in_by_a_directory(internet, certificates, there, options):
    program = lotor.gateway(internet.gateway, certificates, auth_source="ldap")
    text = internet.gateway.path(lotor.CONFIGURATION).read_text()
    more = 'mode_cfg { conf_source ldap; group_source ldap; auth_groups "vpn users"; }\n'
    program.configure(text + more + ldapcfg(there, internet.gateway))
    directory = internet.gateway.start("slapd", *there.command(), "-u", "nobody", "-g", "nogroup")
    wait_until(lambda: f":{there.secure_port}" in internet.gateway.run("ss", "-ltn").stdout)
    program.start("-d", *options)
    client = dialled(internet.client, certificates, "anna", "secret")
    assert client.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.77"
    assert ping(internet.client, INSIDE_HOST)
    client.disconnect()
    refused = {
        ("bob", "secret"): "not in a group of auth_groups (vpn users)",
        ("zoe", "secret"): "as zoe refused: unknown user",
        ("anna", "wrong"): "as anna refused: wrong password",
    }
    for (user, password), words in refused.items():
        attempted = dial(internet.client, certificates, user, password)
        assert wait_until(lambda words=words: words in program.journal())
        attempted.disconnect()
    directory.stop()
    attempted = dial(internet.client, certificates, "anna", "secret")
    assert wait_until(lambda: "no LDAP server answers as it should" in program.journal())
    attempted.disconnect()
    assert slapd.SERVICE_PASSWORD not in program.journal()
