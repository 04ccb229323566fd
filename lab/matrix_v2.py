"""Who meets whom over IKEv2 in the tests, by what, and the test that proves each; part of docs/interop.md."""

from __future__ import annotations

from dataclasses import dataclass

PAIRS_V2 = (
    ("lotor", "lotor"),
    ("strongSwan", "lotor"),
    ("lotor", "strongSwan"),
    ("NetworkManager", "lotor"),
    ("libreswan", "lotor"),
    ("OpenIKED", "lotor"),
    ("lotor", "libreswan"),
    ("lotor", "OpenIKED"),
)
"""Client and gateway. NetworkManager is its plugin charon-nm."""


@dataclass(frozen=True, slots=True)
class Row:
    """`tests`: for each of `PAIRS_V2` the file and name of a test below tests/interop, "" where there is none."""

    name: str
    lotor: str = ""
    strongswan: str = ""
    at_strongswan: str = ""
    networkmanager: str = ""
    libreswan: str = ""
    openiked: str = ""
    at_libreswan: str = ""
    at_openiked: str = ""

    @property
    def tests(self) -> tuple[str, ...]:
        return (
            self.lotor,
            self.strongswan,
            self.at_strongswan,
            self.networkmanager,
            self.libreswan,
            self.openiked,
            self.at_libreswan,
            self.at_openiked,
        )


_OURS, _CLIENT, _MORE = "ikev2::test_", "ikev2_client::test_", "ikev2_extensions::test_"
_NM, _TLS, _REDIRECTS = "ikev2_networkmanager::test_", "ikev2_tls::test_", "ikev2_redirects::test_"
_LIBRESWAN = "ikev2_libreswan::test_"
_ROADS = "ikev2_roads::test_"
_OUTLIVES = f"{_ROADS}a_tunnel_outlives_its_keys_its_nat_and_its_address"
_BY_KEY = "ikev2_proofs::test_keys_good_and_wrong_and_networks_that_are_not_inside"
_BY = f"{_LIBRESWAN}it_comes_in_renews_its_keys_and_leaves"
_IKED = "ikev2_openiked::test_it_comes_in_renews_its_keys_and_leaves"
_AT_LIBRESWAN = f"{_LIBRESWAN}keys_and_certificates_at_its_gateway"
_AT_IKED = "ikev2_openiked::test_keys_and_certificates_at_its_gateway"
_PERSON_AT_IKED = "ikev2_openiked::test_a_person_at_its_gateway_and_one_with_a_wrong_password"
_WAY = f"{_CLIENT}at_a_gateway_of_strongswan"
_STAYS = f"{_CLIENT}a_connection_stays"
_THERE = f"{_CLIENT}strongswan_moves_with_the_client_renews_keys_and_dies"
_RENEWED = f"{_CLIENT}keys_are_renewed_by_either_end_and_no_packet_is_lost"
_COMES = f"{_NM}a_person_comes_in_by_the_file_of_lotor_profile_and_leaves"

METHODS_V2 = (
    Row(
        "EAP-MSCHAPv2",
        f"{_CLIENT}without_a_file[lotor]",
        f"{_OURS}a_person_comes_in_with_name_and_password",
        f"{_WAY}[mschapv2]",
        _COMES,
        at_openiked=_PERSON_AT_IKED,
    ),
    Row(
        "EAP-GTC",
        f"{_CLIENT}at_a_gateway_of_lotor",
        f"{_OURS}a_person_whose_password_only_argon2_knows_comes_in_by_gtc",
        f"{_WAY}[gtc]",
    ),
    Row(
        "EAP-TTLS, EAP-TLS",
        f"{_TLS}lotor_at_a_gateway_of_lotor",
        f"{_TLS}by_ttls_and_by_a_certificate",
        f"{_TLS}lotor_at_a_gateway_of_strongswan",
    ),
    Row("EAP-PEAP, TTLS with PAP", f"{_TLS}lotor_at_a_gateway_of_lotor_by_pap_and_peap"),
    Row(
        "EAP passed on to FreeRADIUS",
        "ikev2_radius::test_inside_of_tls_with_the_server",
        "ikev2_radius::test_the_server_judges_grants_and_keeps_account",
        "ikev2_radius::test_lotor_at_a_gateway_of_strongswan_with_that_server",
    ),
    Row(
        "certificate of the client",
        "",
        "ikev2_proofs::test_certificates_good_and_of_another_authority",
        f"{_WAY}[certificate]",
        libreswan=f"{_BY}[pubkey]",
        openiked=f"{_IKED}[pubkey]",
        at_libreswan=_AT_LIBRESWAN,
        at_openiked=_AT_IKED,
    ),
    Row(
        "shared key",
        _BY_KEY,
        _BY_KEY,
        f"{_WAY}[key]",
        libreswan=f"{_BY}[psk]",
        openiked=f"{_IKED}[psk]",
        at_libreswan=_AT_LIBRESWAN,
        at_openiked=_AT_IKED,
    ),
    Row(
        "the device, then the person",
        "",
        f"{_MORE}a_device_and_a_person_with_strongswan",
        f"{_MORE}a_device_and_a_person_at_a_gateway_of_strongswan",
    ),
    Row(
        "post-quantum shared key (PPK)",
        "",
        f"{_MORE}a_strongswan_client_with_a_ppk",
        f"{_MORE}a_ppk_at_a_gateway_of_strongswan",
    ),
)
CIRCUMSTANCES_V2 = (
    Row(
        "wrong password, unknown user",
        f"{_CLIENT}what_goes_wrong_is_said_at_both_ends",
        f"{_OURS}a_wrong_password_and_an_unknown_user_are_refused_alike",
        "",
        f"{_NM}what_goes_wrong_is_said_by_the_gateway",
        at_openiked=_PERSON_AT_IKED,
    ),
    Row(
        "certificate of another authority",
        f"{_CLIENT}what_goes_wrong_is_said_at_both_ends",
        "ikev2_proofs::test_a_gateway_of_another_authority_is_told_by_the_client",
        "",
        f"{_NM}what_goes_wrong_is_said_by_the_gateway",
    ),
    Row(
        "RSA and ECDSA side by side", "", "ikev2_certificates::test_each_client_is_proved_to_in_the_way_that_it_demands"
    ),
    Row("another group than the first", "", f"{_OURS}the_gateway_answers_another_group_than_the_first"),
    Row(
        "no common proposal",
        f"{_CLIENT}what_goes_wrong_is_said_at_both_ends",
        f"{_OURS}without_a_common_proposal_both_ends_say_so",
    ),
    Row(
        "keys renewed by the client",
        _RENEWED,
        f"{_OURS}keys_are_renewed_by_the_client_while_traffic_flows",
        libreswan=f"{_BY}[pubkey]",
        openiked=f"{_IKED}[psk]",
        at_openiked=_AT_IKED,
    ),
    Row(
        "login made anew beside the old one",
        "",
        "ikev2_radius::test_a_login_is_made_anew_before_its_time_is_over",
        "ikev2_anew::test_lotor_logs_in_anew_when_a_strongswan_gateway_wants_it",
    ),
    Row(
        "keys renewed by the gateway",
        _RENEWED,
        _OUTLIVES,
        _THERE,
        openiked=f"{_IKED}[pubkey]",
        at_libreswan=_AT_LIBRESWAN,
        at_openiked=_AT_IKED,
    ),
    Row("extended sequence numbers (ESN)", libreswan=f"{_BY}[pubkey]", at_libreswan=_AT_LIBRESWAN),
    Row("no extended sequence numbers", libreswan=f"{_BY}[psk]", at_libreswan=_AT_LIBRESWAN),
    Row("another address (MOBIKE)", _STAYS, _OUTLIVES, _THERE),
    Row("router that forgets its mappings", _STAYS, _OUTLIVES),
    Row("router that drops what is large", "", f"{_ROADS}a_router_that_drops_large_datagrams_is_passed"),
    Row("two devices behind one address", "", f"{_ROADS}two_devices_of_one_person_behind_one_nat"),
    Row("client falls silent", "", f"{_OURS}a_client_that_falls_silent_is_noticed"),
    Row("gateway killed", _STAYS, f"{_ROADS}a_gateway_that_is_killed_gets_its_client_back", _THERE),
    Row("back by a ticket, without a code (RFC 5723)", "resumption::test_who_came_with_a_code_comes_back_without_one"),
    Row(
        "IPv6 beside IPv4, only inside networks",
        f"{_CLIENT}ipv6_and_only_the_inside_networks[lotor]",
        f"{_ROADS}both_versions_of_ip_outlive_their_keys",
        f"{_CLIENT}ipv6_and_only_the_inside_networks[strongswan]",
        f"{_NM}only_the_networks_of_the_file_go_through_the_tunnel",
    ),
    Row(
        "sent to another gateway",
        f"{_REDIRECTS}lotor_is_sent_on_when_it_comes_and_calls_its_own_gateway_the_next_time",
        f"{_REDIRECTS}strongswan_is_sent_on_when_it_comes",
        f"{_REDIRECTS}strongswan_sends_lotor_to_another_gateway",
    ),
    Row("IKEv1 beside it", "", f"{_OURS}old_and_new_devices_of_one_person_at_one_gateway"),
    Row("gateway of IKEv1 alone", "", "", f"{_CLIENT}a_gateway_of_strongswan_that_speaks_ikev1_alone_is_reached"),
)
_EAPOL = "eapol::test_"
METHODS_OF_EAPOL = (
    ("lotor's own users: MSCHAPv2, GTC", f"{_EAPOL}users_of_lotor_s_own"),
    ("lotor's own users: TTLS and PEAP", f"{_EAPOL}a_login_inside_of_tls"),
    ("certificates: TLS", f"{_EAPOL}a_certificate_of_a_person"),
    ("what FreeRADIUS speaks: PEAP, TTLS, TLS, MSCHAPv2", f"{_EAPOL}methods_of_a_radius_server"),
    ("refusals", f"{_EAPOL}refusals"),
)

INTRODUCTION = """
# IKEv2

Through a NAT, with strongSwan 5.9 (ESP in user space), with NetworkManager's plugin
for it (charon-nm), which is asked over D-Bus as NetworkManager asks it and set up
by the file of `lotor profile`, and with libreswan 4.10 and OpenIKED 7.2 in User Mode
Linux, whose kernel carries their ESP; as clients they know no logins by
EAP-MSCHAPv2. Each cell names its test.

## Methods of IKEv2

"""
CIRCUMSTANCES = """
## Circumstances of IKEv2

"""
EAPOL = """
## eapol_test

The client of wpa_supplicant logs in by the EAP of a lotor gateway, behind RADIUS
in place of IKE, and compares its keys with the gateway's.

"""
REMARKS = """
Windows, iPhone, Mac and Android are emulated, from documents and public logs
([test_ike_v2_devices.py](../tests/ike/test_ike_v2_devices.py)): no real one was at
hand.
"""


def named_v2() -> frozenset[str]:
    """Every test that the tables of IKEv2 name."""
    cells = [test for row in (*METHODS_V2, *CIRCUMSTANCES_V2) for test in row.tests if test]
    return frozenset([*cells, *(test for _, test in METHODS_OF_EAPOL)])
