"""What happens to a connection, and the test that proves each pair of programs to bear it; part of docs/interop.md."""

from __future__ import annotations

from dataclasses import dataclass

NAT = "matrix::test_who_connects_through_a_nat"


@dataclass(frozen=True, slots=True)
class Circumstance:
    """A row. `tests`: for each pair of lab.matrix.PAIRS the file and name of a test, "" where it does not apply."""

    name: str
    tests: tuple[str, str, str, str]


def _same(test: str, *programs: str) -> tuple[str, str, str, str]:
    """One test with all pairs, which are its parameters; `programs`: the clients and gateways, where not all."""
    pairs = ("lotor-lotor", "strongSwan-lotor", "lotor-strongSwan", "vpnc-lotor")
    first, second, third, fourth = (f"{test}[{pair}]" if not programs or pair in programs else "" for pair in pairs)
    return first, second, third, fourth


_HERE = "circumstances::test_"
CIRCUMSTANCES = (
    Circumstance(
        "wrong password",
        (
            "bad_input::test_a_wrong_password_and_an_unknown_user_read_the_same",
            "strongswan::test_a_strongswan_client_with_a_wrong_password",
            "strongswan::test_a_lotor_client_with_a_wrong_password_at_a_strongswan_gateway",
            "vpnc::test_a_wrong_password_is_refused_and_the_gateway_serves_on",
        ),
    ),
    Circumstance(
        "certificate of another authority",
        (
            "bad_input::test_a_bad_certificate_is_refused_before_the_password[foreign CA]",
            f"{_HERE}a_bad_certificate_gets_no_client[strongSwan-lotor-wrong]",
            f"{_HERE}a_bad_certificate_gets_no_client[lotor-strongSwan-wrong]",
            "",
        ),
    ),
    Circumstance(
        "expired certificate",
        (
            "bad_input::test_a_bad_certificate_is_refused_before_the_password[expired]",
            f"{_HERE}a_bad_certificate_gets_no_client[strongSwan-lotor-expired]",
            f"{_HERE}a_bad_certificate_gets_no_client[lotor-strongSwan-expired]",
            f"{_HERE}vpnc_refuses_an_expired_certificate",
        ),
    ),
    Circumstance(
        "chain with an authority in the middle",
        (
            *_same(f"{_HERE}chains_are_sent_and_received_by_both_ends")[:3],
            f"{_HERE}vpnc_knows_the_authority_in_the_middle",
        ),
    ),
    Circumstance("RSA key of 4096 bits", _same(f"{_HERE}an_rsa_key_of_4096_bits")),
    Circumstance(
        "certificates with ECDSA keys",
        (
            "ecdsa::test_lotor_at_lotor_and_certificates_of_two_curves",
            "ecdsa::test_strongswan_at_lotor",
            "ecdsa::test_lotor_at_strongswan",
            "",
        ),
    ),
    Circumstance(
        "AES-GCM, groups over curves",
        (
            "modern::test_lotor_at_both_ends_with_modern_algorithms",
            "modern::test_a_strongswan_client_with_modern_algorithms",
            "modern::test_a_lotor_client_with_modern_algorithms_at_a_strongswan_gateway",
            "",
        ),
    ),
    Circumstance("3DES", _same(f"{_HERE}3des_without_perfect_forward_secrecy")),
    Circumstance(
        "Camellia; Blowfish, CAST-128",
        (
            "old_ciphers::test_lotor_at_both_ends_is_warned_of_short_blocks",
            "old_ciphers::test_a_strongswan_client_with_camellia",
            "old_ciphers::test_a_lotor_client_with_camellia_at_a_strongswan_gateway",
            "",
        ),
    ),
    Circumstance("PFS", (NAT, NAT, NAT, NAT)),
    Circumstance("no PFS", _same(f"{_HERE}3des_without_perfect_forward_secrecy")),
    Circumstance("configuration pulled", (NAT, NAT, NAT, NAT)),
    Circumstance(
        "configuration pushed",
        _same(f"{_HERE}a_configuration_that_is_pushed", "strongSwan-lotor", "lotor-strongSwan"),
    ),
    Circumstance(
        "router that drops fragments",
        (
            "lotor::test_a_broken_router_is_passed",
            *_same(f"{_HERE}a_router_that_drops_fragments", "strongSwan-lotor", "lotor-strongSwan")[1:],
        ),
    ),
    Circumstance(
        "client killed: DPD finds it dead",
        _same(f"{_HERE}a_client_that_is_killed", "lotor-lotor", "strongSwan-lotor", "vpnc-lotor"),
    ),
    Circumstance(
        "gateway killed: DPD finds it dead",
        _same(f"{_HERE}a_gateway_that_is_killed", "lotor-lotor", "lotor-strongSwan"),
    ),
    Circumstance(
        "IPv6 inside, beside IPv4",
        (
            "ipv6::test_both_inside_and_no_trace_of_it[by IPv4]",
            "ipv6::test_a_strongswan_client_with_both_inside[192.0.2.50]",
            "ipv6::test_a_strongswan_gateway_with_both_inside[192.0.2.50]",
            "",
        ),
    ),
    Circumstance(
        "IPv6 outside, both inside",
        (
            "ipv6::test_both_inside_and_no_trace_of_it[by IPv6]",
            "ipv6::test_a_strongswan_client_with_both_inside[2001:db8::50]",
            "ipv6::test_a_strongswan_gateway_with_both_inside[2001:db8::50]",
            "",
        ),
    ),
    Circumstance("client deletes", (NAT, NAT, NAT, NAT)),
    Circumstance(
        "gateway deletes",
        (
            *_same(f"{_HERE}a_gateway_that_says_goodbye")[:2],
            "strongswan::test_a_strongswan_gateway_that_deletes_ends_the_lotor_client",
            "vpnc::test_the_gateway_stops_and_tells_its_clients",
        ),
    ),
    Circumstance(
        "phase 2 renewed by the client, no packet lost",
        (
            "renewal::test_nothing_is_lost_while_both_phases_are_renewed",
            "renewal::test_a_strongswan_client_keeps_its_session_through_a_reauthentication",
            "renewal::test_a_strongswan_gateway_keeps_the_session_of_a_renewed_phase_one",
            "renewal::test_vpnc_keeps_its_session_beyond_both_lifetimes",
        ),
    ),
    Circumstance(
        "phase 2 renewed by the gateway, no packet lost",
        (
            "",
            "rekey::test_a_lotor_gateway_renews_what_a_strongswan_client_does_not",
            "rekey::test_a_strongswan_gateway_renews_the_pair_of_a_lotor_client",
            "",
        ),
    ),
    Circumstance(
        "phase 1 renewed, no packet lost",
        (
            "renewal::test_nothing_is_lost_while_both_phases_are_renewed",
            "renewal::test_a_strongswan_client_keeps_its_session_through_a_reauthentication",
            "renewal::test_a_strongswan_gateway_keeps_the_session_of_a_renewed_phase_one",
            "renewal::test_vpnc_keeps_its_session_beyond_both_lifetimes",
        ),
    ),
    Circumstance(
        "router that forgets its mappings",
        (
            *_same(f"{_HERE}a_router_that_forgets_is_followed")[:3],
            "vpnc::test_a_router_that_forgets_is_followed",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two clients of one lotor gateway behind one NAT, with the same private address."""

    programs: str
    identities: str
    users: str
    test: str


_TWINS = "neighbours::test_two_clients_with_one_private_address"
NEIGHBOURS = (
    Neighbours("vpnc and vpnc", "equal", "two", f"{_TWINS}[vpnc-vpnc-bob]"),
    Neighbours("lotor and lotor", "equal", "two", f"{_TWINS}[lotor-lotor-bob]"),
    Neighbours("strongSwan and vpnc", "their own", "two", f"{_TWINS}[strongSwan-vpnc-bob]"),
    Neighbours("vpnc and vpnc", "equal", "the same", f"{_TWINS}[vpnc-vpnc-alice]"),
    Neighbours("lotor and lotor", "equal", "the same", f"{_TWINS}[lotor-lotor-alice]"),
    Neighbours("strongSwan and vpnc", "their own", "the same", f"{_TWINS}[strongSwan-vpnc-alice]"),
)


def named() -> frozenset[str]:
    """Every test that the tables name."""
    cells = [test for row in CIRCUMSTANCES for test in row.tests if test]
    return frozenset([*cells, *(row.test for row in NEIGHBOURS)])


def linked(test: str) -> str:
    """A cell of the page."""
    file, _, name = test.partition("::")
    words = name.removeprefix("test_").partition("[")[0].replace("_", " ")
    return f"[{words}](../tests/interop/test_interop_{file}.py)" if test else "-"
