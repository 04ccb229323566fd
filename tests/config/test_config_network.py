"""`network`: what is read of it, and what is told of mistakes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from lotor.config import ConfigError, check, loads
from lotor.config.settings import HostNetwork, Masquerade, Ports, Who

GATEWAY = """
remote anonymous { exchange_mode aggressive; certificate_type x509 "a" "b";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server;
        dh_group modp2048; } }
mode_cfg { network4 10.99.99.1; pool_size %d; }
"""


def network(text: str) -> HostNetwork:
    found = loads(f"network {{ {text} }}").settings.network
    assert found is not None
    return found


def told(text: str) -> list[str]:
    with pytest.raises(ConfigError) as fault:
        loads(f"network {{ {text} }}")
    return [problem.text for problem in fault.value.problems]


def test_nothing_is_set_up_without_the_block() -> None:
    assert loads("").settings.network is None


def test_an_empty_block_forwards_and_clamps() -> None:
    found = network("")
    assert (found.forward, found.mss_clamp, found.masquerade, found.rules) == (True, True, Masquerade(on=False), ())


def test_every_line_arrives_and_rules_keep_their_order() -> None:
    found = network("""
        forward off; masquerade interface eth1, br-lan; proxy_arp eth0.100; mss_clamp off;
        deny everyone to 192.168.1.1;
        allow group "domain users" to 10.0.0.0/8, fd00::/8 tcp 22, 8000-8080;
        allow user "bob" to any udp; allow everyone to 10.0.0.53 udp 53; allow everyone to any icmp;
    """)
    assert (found.forward, found.mss_clamp, found.proxy_arp) == (False, False, ("eth0.100",))
    assert found.masquerade == Masquerade(on=True, interfaces=("eth1", "br-lan"))
    rows = [(rule.allow, rule.who, rule.name, rule.networks, rule.protocol, rule.ports) for rule in found.rules]
    assert rows == [
        (False, Who.EVERYONE, "", (ip_network("192.168.1.1/32"),), "", ()),
        (
            True,
            Who.GROUP,
            "domain users",
            (ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
            "tcp",
            (Ports(22, 22), Ports(8000, 8080)),
        ),
        (True, Who.USER, "bob", (), "udp", ()),
        (True, Who.EVERYONE, "", (ip_network("10.0.0.53/32"),), "udp", (Ports(53, 53),)),
        (True, Who.EVERYONE, "", (), "icmp", ()),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("allow evryone to any;", "did you mean everyone"),
        ("allow group staff to any;", 'write "staff" in quotes'),
        ('allow user "bob" 10.0.0.1;', "stands where to should"),
        ('allow user "bob" to nowhere;', "is no network"),
        ("allow everyone to any tcp 0;", "is no port"),
        ("allow everyone to any tcp 9-8;", "is no port"),
        ("allow everyone to any tcp 70000;", "is no port"),
        ("allow everyone to any icmp 8;", "is too much here"),
        ("masquerade interface;", "the name of an interface"),
        ('masquerade interface "eth1";', "is in quotes"),
        ("masquerade interface eth1/../x;", "is no name of an interface"),
        ("proxy_arp ..;", "is no name of an interface"),
        ('allow user "b\x1bb" to any;', "is no text"),
        ("forward yes;", "is not known here"),
    ],
)
def test_mistakes_are_told_in_words(line: str, words: str) -> None:
    assert words in " ".join(told(line))


def test_too_many_rules_are_refused() -> None:
    assert "takes at most 256 in all" in told("allow everyone to 10.0.0.1;" * 257)[0]


def warnings(text: str, size: int = 9) -> str:
    return " ".join(problem.text for problem in loads(GATEWAY % size + text).warnings)


def test_rules_that_only_deny_are_warned_of() -> None:
    assert "there are only deny rules" in warnings("network { deny everyone to 10.0.0.1; }")
    assert "only deny" not in warnings("network { deny everyone to 10.0.0.1; allow everyone to any; }")


def test_a_rule_that_is_never_asked_is_warned_of() -> None:
    assert "never asked" in warnings("network { allow everyone to any; deny everyone to 10.0.0.1; }")
    assert "never asked" not in warnings("network { allow everyone to any tcp; deny everyone to 10.0.0.1; }")


@pytest.mark.parametrize(("size", "refused"), [(4096, False), (4097, True)])
def test_a_pool_too_large_to_answer_for_is_refused(size: int, refused: bool) -> None:
    checked = check(loads(GATEWAY % size + "network { proxy_arp eth1; }").settings)
    assert any("can answer for 4096" in problem.text for problem in checked.problems) is refused


def test_a_client_is_told_that_it_has_no_effect() -> None:
    client = (
        'remote 192.0.2.1 { exchange_mode main; ca_type x509 "c"; mode_cfg on; proposal { encryption_algorithm aes;'
    )
    client += " hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group modp2048; } }"
    problems = loads(f"{client} network {{ forward on; }}").warnings
    assert any("no effect for a client" in problem.text for problem in problems)
