"""IKEv2 in a configuration: which blocks speak it, how their ends prove themselves, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import Checked, Problem, check, judges, loads, resolve, shares_key, side_of, signs, signs_in_eap
from lotor.config.advice import advice
from lotor.config.ikev2_policy import ACCEPTED, OFFERED
from lotor.config.methods import admits_by_login, admits_by_login_alone
from lotor.config.problem import ConfigError
from lotor.config.provision import bare
from lotor.model.algorithms import AEADS, Cipher, EapMethod, Group, Hash, Ike2Suite, Integrity, Proving, Within
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Credential
from lotor.model.policy import Ppk, RemotePolicy, Side, Switch, V2Policy
from lotor.model.redirection import Occasion, Redirection
from lotor.model.weakness import WEAK

OWN = 'certificate_type x509 "gw.crt" "gw.key";'
TRUST = 'ca_type x509 "ca.crt";'
KEY = 'path pre_shared_key "psk.txt";'
SAINFO = (
    "sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; "
    "compression_algorithm deflate; }"
)
STRONG = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA512, Hash.SHA512, Group.MODP6144)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("gw.crt", "gw.key", "ca.crt", "psk.txt"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def pool(source: str = "local") -> str:
    return f"mode_cfg {{ network4 10.99.99.1; pool_size 5; auth_source {source}; }}"


def proposal(method: str, digest: str = "sha256", group: str = "modp2048") -> str:
    return (
        f"proposal {{ encryption_algorithm aes 256; hash_algorithm {digest}; "
        f"authentication_method {method}; dh_group {group}; }}"
    )


def first(method: str, *lines: str, head: str = "anonymous") -> str:
    """A block that has IKEv1, too."""
    return f"remote {head} {{ exchange_mode main; {' '.join(lines)} {proposal(method)} }}"


def second(*lines: str, head: str = "anonymous") -> str:
    return f"remote {head} {{ ike_version 2; {' '.join(lines)} }}"


def problems(home: Path, *blocks: str) -> list[Problem]:
    return list(check(loads("\n".join((*blocks, SAINFO)), directory=home).settings).problems)


def policy(home: Path, *blocks: str) -> RemotePolicy:
    checked = check(loads("\n".join((*blocks, SAINFO)), directory=home).settings)
    return resolve(checked, {}).remotes[0]


def v2(home: Path, *blocks: str) -> V2Policy:
    found = policy(home, *blocks).v2
    assert found is not None
    return found


def test_a_file_of_racoon_speaks_version_1_only(home: Path) -> None:
    found = policy(home, first("hybrid_rsa_server", OWN), pool())
    assert (found.versions, found.v2) == ((1,), None)
    assert (found.nat_traversal, found.ike_frag, found.dpd.delay) == (Switch.OFF, Switch.OFF, 0)


@pytest.mark.parametrize("line", ["ike_version both;", "eap mschapv2, gtc;", "mobike on;", "ike2_proposal default;"])
def test_a_word_of_ikev2_makes_both(home: Path, line: str) -> None:
    found = policy(home, first("hybrid_rsa_server", OWN, line), pool())
    assert found.versions == (2, 1)
    assert found.proposals
    assert found.v2 is not None
    assert (found.v2.local, found.v2.peer) == (Proving.CERTIFICATE, (Proving.EAP,))
    assert found.v2.eap == (EapMethod.MSCHAPV2, EapMethod.GTC)
    assert (found.v2.lifetime, found.v2.fragments, found.v2.mobike) == (86400, True, True)
    assert (found.nat_traversal, found.ike_frag, found.dpd.delay) == (Switch.ON, Switch.ON, 30)


def test_a_process_without_rights_reads_the_same(home: Path) -> None:
    """What crosses has no places: nothing of the policy may hang on them."""
    checked = check(
        loads("\n".join((first("hybrid_rsa_server", OWN, "eap gtc;"), pool(), SAINFO)), directory=home).settings
    )
    crossed = Checked(bare(checked.settings), (), checked.settings.remotes, {})
    assert resolve(crossed, {}) == resolve(checked, {})


def test_what_is_written_counts_for_both(home: Path) -> None:
    lines = ("ike_version both; ike_frag off; nat_traversal force; dpd_delay 7; mobike off; esn off;",)
    found = policy(home, first("hybrid_rsa_server", OWN, *lines, "eap_identity off; ike2_lifetime 9 hour;"), pool())
    assert (found.nat_traversal, found.ike_frag, found.dpd.delay) == (Switch.FORCE, Switch.OFF, 7)
    assert found.v2 is not None
    assert (found.v2.fragments, found.v2.mobike, found.v2.esn, found.v2.ask_identity) == (False, False, False, False)
    assert found.v2.lifetime == 9 * 3600


def test_version_1_can_be_said(home: Path) -> None:
    block = first("hybrid_rsa_server", OWN, "ike_version 1; eap gtc;")
    assert policy(home, block, pool()).v2 is None
    (found,) = (each.text for each in advice(loads(block, directory=home).settings) if "ike_version" in each.text)
    assert "no effect with ike_version 1" in found


def test_version_2_alone_needs_nothing_of_version_1(home: Path) -> None:
    found = policy(home, second(OWN), pool())
    assert (found.versions, found.side, found.exchange_modes, found.proposals) == ((2,), Side.GATEWAY, (), ())
    assert found.v2 is not None
    assert (found.v2.local, found.v2.peer) == (Proving.CERTIFICATE, (Proving.EAP,))


def test_version_2_is_inherited(home: Path) -> None:
    child = 'remote "office" inherit anonymous { remote_address 192.0.2.9; ike_frag off; }'
    checked = check(loads("\n".join((second(OWN, "peers_auth eap;"), child, pool(), SAINFO)), directory=home).settings)
    assert {each.versions for each in resolve(checked, {}).remotes} == {(2,)}


def test_version_1_is_still_complete() -> None:
    with pytest.raises(ConfigError, match="misses exchange_mode"):
        loads("remote anonymous { ike_version both; }")
    with pytest.raises(ConfigError, match="misses proposal"):
        loads("remote anonymous { exchange_mode main; eap gtc; }")


def test_one_block_without_version_1_does_not_excuse_the_next() -> None:
    with pytest.raises(ConfigError, match="misses exchange_mode"):
        loads('remote anonymous { ike_version 2; } remote "office" { ike_version both; }')


# how the ends prove themselves

GATEWAYS = {
    "hybrid_rsa_server": ((Proving.CERTIFICATE), (Proving.EAP,)),
    "rsasig": (Proving.CERTIFICATE, (Proving.CERTIFICATE,)),
    "pre_shared_key": (Proving.SHARED_KEY, (Proving.SHARED_KEY,)),
}


@pytest.mark.parametrize(("method", "expected"), GATEWAYS.items())
def test_a_gateway_proves_itself_as_version_1_says(home: Path, method: str, expected: object) -> None:
    own = "" if method == "pre_shared_key" else OWN + TRUST
    found = v2(home, KEY, first(method, own, "ike_version both;"), pool())
    assert (found.local, found.peer) == expected


def test_a_login_beside_certificates(home: Path) -> None:
    found = v2(home, first("rsasig", OWN, TRUST, "eap gtc;"), pool())
    assert (found.peer, found.eap) == ((Proving.EAP, Proving.CERTIFICATE), (EapMethod.GTC,))


def test_several_ways_keep_their_order(home: Path) -> None:
    found = v2(home, KEY, second(OWN, TRUST, "peers_auth pubkey, psk, pubkey;"), pool())
    assert found.peer == (Proving.CERTIFICATE, Proving.SHARED_KEY)
    assert found.eap == ()


CLIENTS = {
    "hybrid_rsa_client": (Proving.EAP, (Proving.CERTIFICATE,), (EapMethod.MSCHAPV2, EapMethod.GTC)),
    "rsasig": (Proving.CERTIFICATE, (Proving.CERTIFICATE,), ()),
    "pre_shared_key": (Proving.SHARED_KEY, (Proving.SHARED_KEY,), ()),
}


@pytest.mark.parametrize(("method", "expected"), CLIENTS.items())
def test_a_client_proves_itself_as_version_1_says(home: Path, method: str, expected: object) -> None:
    own = "" if method in {"pre_shared_key", "hybrid_rsa_client"} else OWN
    found = policy(home, KEY, first(method, own, TRUST, "ike_version both;", head="192.0.2.50"))
    assert (found.side, found.versions) == (Side.CLIENT, (2, 1))
    assert found.v2 is not None
    assert (found.v2.local, found.v2.peer, found.v2.eap) == expected
    assert found.v2.lifetime == 28800


@pytest.mark.parametrize(
    ("lines", "own"),
    [
        ("mode_cfg on;", Proving.EAP),
        ("my_auth eap;", Proving.EAP),
        (f"mode_cfg on; {OWN}", Proving.CERTIFICATE),
        (f"mode_cfg on; eap mschapv2; {OWN}", Proving.EAP),
        (f'mode_cfg on; xauth_login "alice"; {OWN}', Proving.EAP),
        ("mode_cfg on; my_auth psk;", Proving.SHARED_KEY),
    ],
)
def test_a_client_of_version_2_alone(home: Path, lines: str, own: Proving) -> None:
    found = policy(home, KEY, second(lines, TRUST))
    assert found.side is Side.CLIENT
    assert found.v2 is not None
    assert found.v2.local is own


def test_files_are_demanded_as_for_version_1(home: Path) -> None:
    (lacking,) = problems(home, second("passive on;"), pool())
    assert "the gateway proves itself by a certificate" in lacking.text
    (lacking,) = problems(home, second("my_auth eap;"))
    assert "which gateway certificates to trust" in lacking.text
    (lacking,) = problems(home, second(OWN, "peers_auth psk;"), pool())
    assert "path pre_shared_key" in lacking.text
    (lacking,) = problems(home, second(OWN))
    assert "no mode_cfg block" in lacking.text


def test_what_other_rooms_ask_of_a_block(home: Path) -> None:
    settings = loads(
        "\n".join((second(OWN, "peers_auth eap;"), second("my_auth psk;", head="192.0.2.9"))), directory=home
    )
    gateway, client = settings.settings.remotes
    assert (signs(gateway), judges(gateway), shares_key(gateway)) == (True, False, False)
    assert (admits_by_login(gateway), admits_by_login_alone(gateway)) == (True, True)
    assert (side_of(client), signs(client), judges(client), shares_key(client)) == (Side.CLIENT, False, False, True)


def test_a_login_over_version_2_does_not_hide_that_version_1_has_none(home: Path) -> None:
    (both,) = loads(first("rsasig", OWN, TRUST, "peers_auth eap;"), directory=home).settings.remotes
    (also,) = loads(first("hybrid_rsa_server", OWN, TRUST, "peers_auth eap, pubkey;"), directory=home).settings.remotes
    assert [admits_by_login_alone(each) for each in (both, also)] == [False, False]


# what is refused

REFUSED = {
    "xauth_rsa": (
        first("xauth_rsa_server", OWN, TRUST, "ike_version both;"),
        "with xauth_rsa_server a client proves itself twice",
    ),
    "xauth_psk": (first("xauth_psk_server", "ike_version both;"), "with xauth_psk_server a client proves itself twice"),
    "gateway logs in": (first("hybrid_rsa_server", OWN, "my_auth eap;"), "clients log in"),
    "client judges a login": (first("hybrid_rsa_client", TRUST, "peers_auth eap;"), "said by my_auth eap"),
    "login to a group key": (second("my_auth psk; peers_auth eap;"), "can pose as the gateway"),
    "login to a group key, client": (second("my_auth eap; peers_auth psk;"), "can pose as the gateway"),
    "two gateways": (second(OWN) + second(OWN, head='"b"'), "no client of IKEv2 can tell"),
    "certificates of persons that nobody vouches for": (second(OWN, "eap tls;"), "which client certificates to trust"),
    "certificates that nobody looks at": (second(OWN, TRUST, "eap tls; verify_cert off;"), "verify_cert on"),
    "a person without a certificate": (second("my_auth eap; eap tls;", TRUST), "the client proves itself by a cert"),
    "relay at a client": (second("my_auth eap; eap radius;", TRUST), "lets RADIUS servers speak"),
    "relay without a server": (second(OWN, "eap radius;"), "auth_source is local"),
    "relay and methods": (second(OWN, "eap radius, gtc;"), "the RADIUS server chooses"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.values(), ids=REFUSED)
def test_refused(home: Path, text: str, told: str) -> None:
    found = [each.text for each in problems(home, KEY, text, pool())]
    assert any(told in each for each in found), found


@pytest.mark.parametrize(("methods", "asked"), [("tls", False), ("ttls", True), ("tls, ttls", True), ("gtc", True)])
def test_nobody_is_asked_for_a_password_where_a_certificate_logs_in(home: Path, methods: str, asked: bool) -> None:
    block = second(f"my_auth eap; eap {methods};", OWN, TRUST)
    (found,) = resolve(check(loads(f"{block} {SAINFO}", directory=home).settings), {}).remotes
    assert found.logs_in is asked


def test_peap_needs_hashes(home: Path) -> None:
    found = [each.text for each in problems(home, second(OWN, "eap peap;"), pool("pam"))]
    assert any("peap proves a password by its NT hash" in each for each in found), found
    assert problems(home, second(OWN, "eap peap;"), pool("local")) == []


@pytest.mark.parametrize(
    ("source", "instead"), [("radius", "eap radius"), ("system", "eap ttls, gtc"), ("pam", "eap ttls, gtc")]
)
def test_mschapv2_needs_hashes(home: Path, source: str, instead: str) -> None:
    found = [each.text for each in problems(home, second(OWN, "eap mschapv2;"), pool(source))]
    assert any("NT hash" in each and instead in each for each in found), found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("local", (EapMethod.MSCHAPV2, EapMethod.GTC)),
        ("system", (EapMethod.GTC,)),
        ("pam", (EapMethod.GTC,)),
    ],
)
def test_methods_follow_who_judges(home: Path, source: str, expected: object) -> None:
    assert v2(home, second(OWN), pool(source)).eap == expected


@pytest.mark.parametrize("source", ["local", "system", "pam"])
def test_a_password_inside_of_tls_can_be_judged_by_all(home: Path, source: str) -> None:
    assert v2(home, second(OWN, "eap ttls, tls;", TRUST), pool(source)).eap == (EapMethod.TTLS, EapMethod.TLS)
    assert v2(home, second("my_auth eap; eap ttls, tls;", OWN, TRUST)).eap == (EapMethod.TTLS, EapMethod.TLS)


@pytest.mark.parametrize(
    ("block", "signing", "judging"),
    [
        (("eap mschapv2, gtc;", OWN), False, False),
        (("eap ttls;", OWN), True, False),
        (("eap tls;", OWN, TRUST), True, True),
        (("my_auth eap; eap ttls;", TRUST), False, True),
        (("my_auth eap; eap tls;", OWN, TRUST), True, True),
        (("peers_auth pubkey; eap tls;", OWN, TRUST), False, True),
    ],
)
def test_whose_keys_are_for_tls(home: Path, block: tuple[str, ...], signing: bool, judging: bool) -> None:
    (remote,) = loads(second(*block), directory=home).settings.remotes
    assert (signs_in_eap(remote), judges(remote)) == (signing, judging)


def test_less_than_version_1_asks_is_told(home: Path) -> None:
    block = first("xauth_rsa_server", OWN, TRUST, "eap gtc;")
    assert problems(home, block, pool()) == []
    assert any("the login alone" in each.text for each in advice(loads(block, directory=home).settings))


def test_methods_for_nobody_are_told(home: Path) -> None:
    block = second(OWN, TRUST, "peers_auth pubkey; eap gtc;")
    assert any("nobody logs in" in each.text for each in advice(loads(block, directory=home).settings))


@pytest.mark.parametrize("more", ["", "my_identifier asn1dn;", "my_identifier address;"])
def test_a_gateway_calls_itself_as_its_certificate_says(home: Path, more: str) -> None:
    checked = check(loads("\n".join((second(OWN, more), pool(), SAINFO)), directory=home).settings)
    (found,) = resolve(checked, {"anonymous": Credential(subject=b"DN")}).remotes
    assert found.v2
    assert found.v2.identity is None


def test_a_gateway_calls_itself_as_it_is_told(home: Path) -> None:
    named = Identity(IdKind.FQDN, b"vpn.example.net")
    assert v2(home, second(OWN, 'my_identifier fqdn "vpn.example.net";'), pool()).identity == named


APART = {
    "another way": ("peers_auth eap;", f"{TRUST} peers_auth pubkey;"),
    "another name": ('my_identifier fqdn "a";', 'my_identifier fqdn "b";'),
    "their own peers": (
        f'{TRUST} peers_auth pubkey; verify_identifier on; peers_identifier fqdn "a";',
        f'{TRUST} peers_auth pubkey; verify_identifier on; peers_identifier fqdn "b";',
    ),
}


@pytest.mark.parametrize(("one", "other"), APART.values(), ids=APART)
def test_blocks_that_clients_tell_apart(home: Path, one: str, other: str) -> None:
    assert problems(home, second(OWN, one), second(OWN, other, head='"b"'), pool()) == []


# proposals


def test_the_default_has_something_for_every_client() -> None:
    wanted = {
        "Windows, hardened": Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.MODP2048),
        "Windows, by PowerShell": Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384),
        "macOS 14": Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.ECP256),
        "iOS 16": Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.MODP2048),
        "Android": Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA512, Hash.SHA512, Group.MODP4096),
        "strongSwan": Ike2Suite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256),
    }
    assert set(wanted.values()) <= set(ACCEPTED)
    assert set(OFFERED) <= set(ACCEPTED)


@pytest.mark.parametrize("suite", ACCEPTED)
def test_nothing_weak_is_default(suite: Ike2Suite) -> None:
    assert not {suite.cipher, suite.prf, suite.group, suite.integrity} & WEAK.keys()
    assert (suite.integrity is None) == (suite.cipher in AEADS)


def test_what_version_1_names_comes_behind_the_default(home: Path) -> None:
    weak, strong = (
        proposal("hybrid_rsa_server", "sha1", "modp1024"),
        proposal("hybrid_rsa_server", "sha512", "modp6144"),
    )
    found = v2(home, first("hybrid_rsa_server", OWN, weak, strong, "ike_version both;"), pool())
    assert found.proposals == (*ACCEPTED, STRONG)


def test_own_proposals_stand_alone_or_beside_the_default(home: Path) -> None:
    line = "ike2_proposal aes_gcm_16 256 sha384 ecp384 mlkem768 mlkem1024;"
    own = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384, (Group.MLKEM768, Group.MLKEM1024))
    assert v2(home, second(OWN, line), pool()).proposals == (own,)
    assert v2(home, second(OWN, line, "ike2_proposal default;"), pool()).proposals == (own, *ACCEPTED)


def test_a_weak_proposal_is_told_with_who_needs_it(home: Path) -> None:
    block = second(OWN, "ike2_proposal default; ike2_proposal aes 256 sha1 modp1024;")
    loaded = loads(block, directory=home)
    found = [each.text for each in loaded.warnings if "weak" in each.text]
    assert any("SHA-1" in each for each in found)
    assert any("Windows" in each and "docs/ikev2.md" in each for each in found)
    weak = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1, Hash.SHA1, Group.MODP1024)
    assert v2(home, block, pool()).proposals == (*ACCEPTED, weak)


WRONG = {
    "ike2_proposal aes 256 md5 modp2048;": "md5",
    "ike2_proposal camellia sha256 modp2048;": "camellia",
    "ike2_proposal aes 256 sha256;": "ike2_proposal wants",
    "ike2_proposal aes 256 sha256 modp2048 modp1024;": "modp1024",
    "ike2_proposal aes 256 sha256 curve25519 " + "mlkem768 " * 8 + ";": "at most 7",
    "ike_version 3;": "1, 2 or both",
    "eap md5;": "md5",
    "my_auth eap, pubkey;": "too much",
}


@pytest.mark.parametrize(("line", "told"), WRONG.items())
def test_wrong_words(line: str, told: str) -> None:
    with pytest.raises(ConfigError) as failure:
        loads(second(line))
    assert told in str(failure.value)


# --- PPK -------------------------------------------------------------------------------------------------------------

PPKS = 'path ppk "psk.txt";'


@pytest.mark.parametrize("word", Ppk)
def test_a_ppk_is_for_ikev2(home: Path, word: Ppk) -> None:
    assert v2(home, second(OWN, f"ppk {word.value};"), pool(), PPKS).ppk is word
    assert v2(home, second(OWN), pool(), PPKS).ppk is Ppk.OFF


def test_a_ppk_needs_its_file(home: Path) -> None:
    (found,) = problems(home, second(OWN, "ppk required;"), pool())
    assert 'add path ppk "FILE";' in found.text
    assert not problems(home, second(OWN, "ppk off;"), pool())


def test_a_file_of_ppks_has_to_be_there_where_one_is_used(home: Path) -> None:
    (found,) = problems(home, second(OWN, "ppk on;"), pool(), 'path ppk "gone.txt";')
    assert "gone.txt" in found.text
    assert not problems(home, second(OWN), pool(), 'path ppk "gone.txt";')


def test_a_ppk_has_no_effect_with_version_1(home: Path) -> None:
    settings = loads(f"{PPKS} {first('hybrid_rsa_server', OWN, 'ike_version 1;', 'ppk on;')}", directory=home).settings
    assert any("ike_version both" in each.text for each in advice(settings))


# --- clients that are sent elsewhere ---------------------------------------------------------------------------------


def test_a_gateway_names_others_and_when_clients_go_there(home: Path) -> None:
    block = second(OWN, 'redirect_to "gw2.example.net", "192.0.2.9", "gw2.example.net"; redirect_proved on;')
    found = policy(home, block, pool()).v2
    assert found is not None
    usual = frozenset({Occasion.DRAINING, Occasion.FULL})
    assert found.redirect == Redirection(("gw2.example.net", "192.0.2.9"), usual, proved=True)
    found = policy(home, second(OWN, 'redirect_to "2001:db8::7"; redirect always;'), pool()).v2
    assert found is not None
    assert found.redirect == Redirection(("2001:db8::7",), frozenset({Occasion.ALWAYS}))
    assert not found.follows


def test_a_client_follows_unless_it_says_otherwise(home: Path) -> None:
    for line, follows in (("", True), ("follow_redirects on;", True), ("follow_redirects off;", False)):
        found = policy(home, second(TRUST, "mode_cfg on;", line, head="192.0.2.1")).v2
        assert found is not None
        assert found.follows is follows


@pytest.mark.parametrize("directive", ["redirect_to", "eap_server"])
@pytest.mark.parametrize("name", ['""', '"a b"', '"-gw"', '"gw/2"', "gw2", '"' + "x" * 300 + '"'])
def test_no_gateway_is_called_so(home: Path, directive: str, name: str) -> None:
    with pytest.raises(ConfigError, match=directive):
        loads("\n".join((second(OWN, f"{directive} {name};"), pool(), SAINFO)), directory=home)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((second(OWN, "redirect full;"), pool()), "redirect has no effect: add redirect_to"),
        ((second(OWN, "follow_redirects off;"), pool()), "only clients are sent"),
        ((second(TRUST, 'mode_cfg on; redirect_to "gw2";', head="192.0.2.1"),), "only a gateway sends"),
    ],
)
def test_what_nobody_obeys_is_told(home: Path, lines: tuple[str, ...], said: str) -> None:
    checked = check(loads("\n".join((*lines, SAINFO)), directory=home).settings)
    assert any(said in each.text for each in advice(checked.settings))


# --- TLS inside of EAP, at a client ----------------------------------------------------------------------------------


def test_a_client_says_how_it_logs_in_inside_of_tls(home: Path) -> None:
    block = second("my_auth eap; eap ttls, peap;", TRUST)
    assert v2(home, block).within is Within.EAP
    assert v2(home, block.replace("eap ttls", "ttls_inside pap; eap ttls")).within is Within.PAP
    assert v2(home, block).eap == (EapMethod.TTLS, EapMethod.PEAP)
    (remote,) = loads(
        block.replace("eap ttls", 'eap_server "radius.example.net"; eap ttls'), directory=home
    ).settings.remotes
    assert remote.eap_server == "radius.example.net"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('my_auth eap; eap gtc; eap_server "radius.example.net";', "eap_server has no effect: it is for clients with"),
        ("my_auth eap; eap peap; ttls_inside pap;", "ttls_inside has no effect: it is for clients with ttls"),
    ],
)
def test_a_client_without_tls_is_told_so(home: Path, line: str, said: str) -> None:
    checked = check(loads("\n".join((second(line, TRUST), SAINFO)), directory=home).settings)
    assert any(said in each.text for each in advice(checked.settings))
    wrong = check(loads("\n".join((second(OWN, "ttls_inside pap;"), pool(), SAINFO)), directory=home).settings)
    assert any("ttls_inside has no effect" in each.text for each in advice(wrong.settings))


# --- two proofs ------------------------------------------------------------------------------------------------------

CERTIFIED = Proving.CERTIFICATE_THEN_EAP


def test_a_login_behind_a_certificate(home: Path) -> None:
    block = second(OWN, TRUST, "peers_auth pubkey then eap, eap;")
    found = v2(home, block, pool())
    assert (found.peer, found.local) == ((CERTIFIED, Proving.EAP), Proving.CERTIFICATE)
    assert found.eap == (EapMethod.MSCHAPV2, EapMethod.GTC)
    (remote,) = loads(block, directory=home).settings.remotes
    assert side_of(remote) is Side.GATEWAY
    assert judges(remote)
    assert admits_by_login_alone(remote)
    own = v2(home, second(OWN, TRUST, "my_auth pubkey then eap;", "mode_cfg on;", head="192.0.2.1"))
    assert (own.local, own.peer, own.eap) == (CERTIFIED, (Proving.CERTIFICATE,), (EapMethod.MSCHAPV2, EapMethod.GTC))


def test_a_login_behind_a_key_needs_a_gateway_with_a_certificate(home: Path) -> None:
    block = second(OWN, "peers_auth psk then eap;")
    assert v2(home, block, pool(), KEY).peer == (Proving.SHARED_KEY_THEN_EAP,)
    (found,) = problems(home, block, pool())
    assert "path pre_shared_key" in found.text
    (found,) = problems(home, second("my_auth psk; peers_auth psk then eap;"), pool(), KEY)
    assert "everybody who knows it can pose as the gateway" in found.text


@pytest.mark.parametrize("line", ["pubkey then psk", "eap then eap", "pubkey then", "pubkey then eap then eap"])
def test_only_a_login_follows(line: str) -> None:
    with pytest.raises(ConfigError):
        loads(second(OWN, f"peers_auth {line};"))


def test_a_gateway_proves_itself_once(home: Path) -> None:
    (found,) = problems(home, second(OWN, "my_auth pubkey then eap; peers_auth eap;"), pool())
    assert "a gateway does not log in" in found.text


@pytest.mark.parametrize("on", [True, False])
def test_a_client_may_ask_for_its_pair_later(home: Path, on: bool) -> None:
    assert v2(home, second(OWN, TRUST, "eap mschapv2;", "childless on;" if on else ""), pool()).childless is on


# --- EAP alone -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eap", ["tls", "ttls", "tls, ttls"])
def test_a_gateway_may_prove_itself_inside_of_eap(home: Path, eap: str) -> None:
    assert v2(home, second(OWN, TRUST, f"eap {eap}; eap_only on;"), pool()).eap_only
    assert not v2(home, second(OWN, TRUST, f"eap {eap};"), pool()).eap_only


@pytest.mark.parametrize("eap", ["eap mschapv2;", "eap ttls, gtc;", "eap peap;", "", "peers_auth pubkey;"])
def test_only_by_a_method_that_proves_it(home: Path, eap: str) -> None:
    found = [each.text for each in problems(home, second(OWN, TRUST, f"{eap} eap_only on;"), pool())]
    assert [each for each in found if "eap_only needs methods that prove the gateway" in each]
