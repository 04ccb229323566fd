"""The configuration files of the HOW-TO, as they stand there: what they mean, and what lotor says of them."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor.config import Loaded, check, load, loads, mode_configuration, radius_conf, resolve, side_of
from lotor.config.settings import Accounting, Adminsock, AuthSource, ConfSource
from lotor.model.algorithms import AuthMethod, Cipher, Compression, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Credential
from lotor.model.policy import Dpd, ExchangeMode, GeneratePolicy, ProposalCheck, Side, Switch

HOWTO = Path(__file__).parents[2] / "examples" / "howto"
SUITE = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, Group.MODP1024, AuthMethod.HYBRID_RSA, 28800)
ESP = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)
SUBJECT = bytes.fromhex("300d310b3009060355040613024445")


def here(side: str, root: Path) -> Loaded:
    """The HOW-TO's file with its directories below `root`, and the files that it names."""
    text = (HOWTO / side / "racoon.conf").read_text()
    for name in ("vpngw.crt", "vpngw.key", "ca.crt", "motd", "phase1-up.sh", "phase1-down.sh"):
        (root / name).write_text("")
        (root / name).chmod(0o700)
    text = text.replace("/etc/openssl/certs", str(root)).replace("/etc/racoon", str(root))
    return loads(text.replace('"operator"', '"root"'))


def test_gateway_settings() -> None:
    settings = load(HOWTO / "gateway" / "racoon.conf").settings
    (remote,) = settings.remotes
    assert settings.paths.certificate
    assert settings.paths.certificate.path == Path("/etc/openssl/certs")
    assert settings.listen.adminsock is None
    assert (remote.name, remote.address, remote.port) == ("anonymous", None, 500)
    assert remote.exchange_mode == (ExchangeMode.AGGRESSIVE,)
    assert remote.certificate
    assert remote.certificate.certificate.path == Path("/etc/openssl/certs/vpngw.crt")
    assert remote.certificate.key.path == Path("/etc/openssl/certs/vpngw.key")
    assert (remote.my_identifier.kind, remote.my_identifier.value) == (IdKind.DER_ASN1_DN, None)
    assert remote.proposal_check is ProposalCheck.CLAIM
    assert remote.generate_policy is GeneratePolicy.ON
    assert (remote.dpd, remote.dpd_delay, remote.dpd_retry, remote.dpd_maxfail) == (True, 20, 5, 5)
    assert (remote.nat_traversal, remote.ike_frag, remote.esp_frag) == (Switch.FORCE, Switch.ON, 552)
    assert remote.verify_identifier is None
    assert side_of(remote) is Side.GATEWAY


def test_gateway_mode_cfg() -> None:
    mode_cfg = load(HOWTO / "gateway" / "racoon.conf").settings.mode_cfg
    assert mode_cfg
    assert (mode_cfg.network4, mode_cfg.netmask4, mode_cfg.pool_size) == (IPv4Address("10.99.99.1"), None, 253)
    assert mode_cfg.auth_source is AuthSource.SYSTEM
    assert mode_cfg.banner
    assert mode_cfg.banner.path == Path("/etc/racoon/motd")
    given = mode_configuration(mode_cfg)
    assert given.dns == given.wins == (IPv4Address("10.0.12.1"),)
    assert given.pfs_group == 2
    assert (given.domain, given.split_dns, given.split_include, given.save_password) == (b"", (), (), False)


def test_gateway_policy(tmp_path: Path) -> None:
    loaded = here("gateway", tmp_path)
    policy = resolve(check(loaded.settings), {"anonymous": Credential((b"leaf", b"ca"), SUBJECT, (b"name",))})
    (remote,) = policy.remotes
    assert (remote.name, remote.side, remote.address) == ("anonymous", Side.GATEWAY, None)
    assert remote.proposals == (SUITE,)
    assert remote.my_identity == Identity(IdKind.DER_ASN1_DN, SUBJECT)
    assert remote.certificates == (b"leaf", b"ca")
    assert remote.authority_names == (b"name",)
    assert remote.dpd == Dpd(announce=True, delay=20, retry=5, maxfail=5)
    assert (remote.esp_frag, remote.ike_frag, remote.nat_traversal) == (552, Switch.ON, Switch.FORCE)
    assert remote.rekey
    assert policy.child.suites == (ESP,)
    assert (policy.child.pfs_group, policy.child.lifetime) == (Group.MODP1024, 3600)
    assert policy.child.compression == (Compression.DEFLATE,)
    assert (policy.retransmission.interval, policy.retransmission.counter) == (None, None)
    assert policy.retransmission.natt_keepalive == 20.0


def test_gateway_warnings() -> None:
    warnings = load(HOWTO / "gateway" / "racoon.conf").warnings
    assert [(w.line, w.column, w.text.partition(":")[0]) for w in warnings] == [
        (19, 32, "hash_algorithm sha1 is weak"),
        (21, 26, "dh_group 2 is weak"),
        (35, 12, "pfs_group 2 is weak"),
        (38, 34, "authentication_algorithm hmac_sha1 is weak"),
    ]
    assert "use modp2048 (14) or higher" in warnings[1].text


def test_client_settings() -> None:
    settings = load(HOWTO / "client" / "racoon.conf").settings
    (remote,) = settings.remotes
    assert settings.paths.pre_shared_key
    assert settings.paths.pre_shared_key.path == Path("/etc/racoon/psk.txt")
    assert settings.listen.adminsock == Adminsock(Path("/var/racoon/racoon.sock"), "root", "operator", 0o660)
    assert settings.mode_cfg is None
    assert (remote.name, remote.address, remote.port) == ("192.0.2.50", IPv4Address("192.0.2.50"), 500)
    assert remote.ca
    assert remote.ca.path == Path("/etc/openssl/certs/ca.crt")
    assert (remote.mode_cfg, remote.passive, remote.proposal_check) == (True, False, ProposalCheck.OBEY)
    assert [(script.event, str(script.file.path)) for script in remote.scripts] == [
        ("phase1_up", "/etc/racoon/phase1-up.sh"),
        ("phase1_down", "/etc/racoon/phase1-down.sh"),
    ]
    assert side_of(remote) is Side.CLIENT


def test_client_policy(tmp_path: Path) -> None:
    policy = resolve(check(here("client", tmp_path).settings), {})
    (remote,) = policy.remotes
    assert (remote.name, remote.side, remote.port) == ("192.0.2.50", Side.CLIENT, 500)
    assert remote.address == IPv4Address("192.0.2.50")
    assert remote.proposals == (SUITE,)
    assert remote.my_identity is None
    assert remote.mode_cfg
    assert policy.child.pfs_group is None


def test_saved_password_of_the_howto(tmp_path: Path) -> None:
    text = (
        (HOWTO / "client" / "racoon.conf").read_text().replace("passive off;", 'passive off; xauth_login "username";')
    )
    assert loads(text).settings.remotes[0].xauth_login == "username"
    loaded = here("client", tmp_path)
    assert not check(loaded.settings).problems  # psk.txt may be missing as long as nobody needs it


def test_the_radius_variant_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = radius_conf.parse("auth radius.example.net s\nacct radius.example.net s\n", "radius.conf")
    monkeypatch.setattr(radius_conf, "read", lambda _: servers)
    loaded = here("gateway-radius", tmp_path)
    mode_cfg = loaded.settings.mode_cfg
    assert mode_cfg
    assert (mode_cfg.network4, mode_cfg.pool_size) == (None, 253)
    assert mode_cfg.auth_source is AuthSource.RADIUS
    assert mode_cfg.conf_source is ConfSource.RADIUS
    assert mode_cfg.accounting is Accounting.RADIUS
    assert not check(loaded.settings).problems
