"""RADIUS servers: /etc/radius.conf as racoon reads it, `radiuscfg`, and what `lotor check` says is missing."""

from __future__ import annotations

import pytest

from lotor import config
from lotor.config import radius_conf
from lotor.config.advice import advice
from lotor.config.back_ends import back_ends_of
from lotor.config.radius_conf import parse
from lotor.config.settings import RadiusServer
from lotor.model.secret import Secret

GATEWAY = """
mode_cfg { network4 10.99.99.1; auth_source radius; conf_source radius; }
remote anonymous {
    exchange_mode aggressive;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    proposal {
        encryption_algorithm aes; hash_algorithm sha256;
        authentication_method hybrid_rsa_server; dh_group 14;
    }
}
sainfo anonymous { encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }
"""
HOWTO = "auth radius.example.net MyDirtySecret\nacct radius.example.net MyDirtySecret\n"


def server(host, secret, port=None, timeout=None, tries=None):
    return RadiusServer(host, port, Secret(secret), timeout, tries)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "radius.conf"
    monkeypatch.setattr(radius_conf, "RADIUS_CONF", path)

    def write(text, mode=0o600):
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def checked(tmp_path, text=GATEWAY):
    for name in ("vpngw.crt", "vpngw.key"):
        (tmp_path / name).touch()
    return config.check(config.loads(text, directory=tmp_path).settings)


def test_the_file_of_the_howto():
    found = parse(HOWTO, "radius.conf")
    assert found.auth == found.acct == (server("radius.example.net", "MyDirtySecret"),)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("auth h s", server("h", "s")),
        ("h s", server("h", "s")),
        ("auth\th:1645  s 5 2", server("h", "s", 1645, 5, 2)),
        ("auth h s 5", server("h", "s", None, 5)),
        ("  auth h s # a comment", server("h", "s")),
        ("auth h se#cret", server("h", "se#cret")),
        ('auth h "a \\"secret\\" with \\\\ and blanks"', server("h", 'a "secret" with \\ and blanks')),
        ('auth "h" "s"', server("h", "s")),
        ("auth 192.0.2.1:1812 s", server("192.0.2.1", "s", 1812)),
        ("auth 2001:db8::1 s", server("2001:db8::1", "s")),
        ("auth [2001:db8::1]:1645 s", server("2001:db8::1", "s", 1645)),
        ("auth [fe80::1%eth0] s", server("fe80::1%eth0", "s")),
        ("auth h " + "x" * 128, server("h", "x" * 128)),
        ("auth h s\r", server("h", "s")),
    ],
)
def test_a_line_as_racoon_reads_it(line, expected):
    found = parse(line, "radius.conf")
    assert found.problems == ()
    assert found.auth == (expected,)


@pytest.mark.parametrize("line", ["", "   ", "# auth h s", "\t# nothing"])
def test_a_line_without_a_server(line):
    assert parse(line, "radius.conf") == radius_conf.RadiusConf((), (), ())


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("auth h", 1, "the host, the secret"),
        ("auth h SeCrEt 3 3 3", 1, "the host, the secret"),
        ("auth h:0 SeCrEt", 6, "from 1 to 65535"),
        ("auth h:70000 SeCrEt", 6, "from 1 to 65535"),
        ("auth h:port SeCrEt", 6, "no host"),
        ("auth [h SeCrEt", 6, "no host"),
        ("auth h SeCrEt soon", 15, "timeout"),
        ("auth h SeCrEt 0", 15, "timeout"),
        ("auth h SeCrEt 61", 15, "timeout"),
        ("auth h SeCrEt 3 99999999999999", 17, "tries"),
        ('auth h "SeCrEt', 8, "not closed"),
        ('auth h "SeCrEt"x', 8, "blanks"),
        ("auth h SeCrEt" + "x" * 128, 8, "1 to 128"),
        ('auth h ""', 8, "1 to 128"),
    ],
)
def test_a_mistake_has_its_place_and_shows_no_secret(line, column, words):
    (problem,) = parse(f"\n{line}\nauth other fine", "radius.conf").problems
    assert (problem.path, problem.line, problem.column) == ("radius.conf", 2, column)
    assert words in problem.text
    assert "SeCrEt" not in config.render(problem)


def test_servers_are_bounded():
    found = parse("auth h s\n" * 11, "radius.conf")
    assert len(found.auth) == 10
    assert [each.line for each in found.problems] == [11]


def test_the_servers_of_the_file_count_where_the_block_has_none(file, tmp_path):
    file("auth h secret 5 2\n")
    found = checked(tmp_path)
    assert found.problems == ()
    assert found.settings.radius.auth == (server("h", "secret", None, 5, 2),)
    assert (found.settings.radius.timeout, found.settings.radius.retries) == (3, 3)
    assert found.settings.radius.message_authenticator


def test_the_servers_of_the_block_count_alone(file, tmp_path):
    file("auth h secret\n", 0o644)
    block = 'radiuscfg { auth "one" "first"; auth "two" 1645 "second"; timeout 5; message_authenticator optional; }'
    loaded = config.loads(block + GATEWAY)
    found = checked(tmp_path, block + GATEWAY)
    assert found.problems == (), "the file is not even looked at"
    assert found.settings.radius.auth == (server("one", "first"), server("two", "second", 1645))
    assert found.settings.radius.timeout == 5
    assert not found.settings.radius.message_authenticator
    assert any("CVE-2024-3596" in each.text for each in loaded.warnings)


def warned(text):
    return [each for each in config.loads(text).warnings if "a login is cut off after 60" in each.text]


@pytest.mark.parametrize(
    ("block", "seconds"),
    [
        ('auth "one" "s"; auth "two" "s"; timeout 10; retries 3;', None),
        ('auth "one" "s"; auth "two" "s"; timeout 11; retries 3;', 66),
        ('auth "one" "s"; timeout 60; retries 2;', 120),
        ('auth "one" "s"; acct "two" "s"; timeout 60; retries 1;', None),
    ],
)
def test_servers_that_together_take_longer_than_a_login_are_warned_of(file, block, seconds):
    text = f"radiuscfg {{ {block} }}"
    found = warned(text + GATEWAY)
    assert [f"take {seconds} seconds" in each.text for each in found] == [True] * (seconds is not None)
    assert all((each.line, each.column) == (1, text.index("timeout") + 1) for each in found)


def test_so_are_those_of_the_file_each_with_its_own_time(file):
    file("auth one s 20 3\nauth two s\n")
    (warning,) = warned(GATEWAY)
    assert "take 69 seconds" in warning.text
    assert (warning.line, warning.column) == (2, 33)
    assert not warned(GATEWAY.replace("auth_source radius; conf_source radius;", ""))


def test_who_uses_no_radius_has_no_use_for_the_file(file, tmp_path):
    file("nonsense", 0o644)
    text = GATEWAY.replace("auth_source radius; conf_source radius;", "")
    assert checked(tmp_path, text).problems == ()
    assert checked(tmp_path, text).settings.radius is None


def test_no_server_at_all_is_told_where_one_is_needed(file, tmp_path):
    (problem,) = checked(tmp_path).problems
    assert (problem.line, problem.column) == (2, 33)
    assert "no RADIUS server is named" in problem.text
    assert "radius.conf" in problem.text
    file("acct h secret\n")
    assert checked(tmp_path).problems == (problem,)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(file, tmp_path, mode):
    path = file(HOWTO, mode)
    (problem,) = checked(tmp_path).problems
    assert problem.path == str(path)
    assert f"chmod 600 {path}" in problem.text
    assert "MyDirtySecret" not in problem.text


def test_mistakes_of_the_file_are_told_with_those_of_the_configuration(file, tmp_path):
    path = file("auth h:0 s\nauth h s 0\n")
    assert [(each.path, each.line) for each in checked(tmp_path).problems] == [(str(path), 1), (str(path), 2)]


def test_an_address_comes_only_with_a_login(file, tmp_path):
    file(HOWTO)
    (problem,) = checked(tmp_path, GATEWAY.replace("auth_source radius", "auth_source local")).problems
    assert "needs auth_source radius" in problem.text


def test_a_daemon_gets_no_server_and_no_secret(file, tmp_path):
    file(HOWTO)
    from lotor.config.provision import bare

    assert bare(checked(tmp_path).settings).radius is None


DYNAMIC = """
mode_cfg { network4 10.99.99.1; auth_source system; }
radiuscfg { dynamic_client 192.0.2.10 "one"; dynamic_client 2001:db8::10 "two"; dynamic_listen 192.0.2.50; }
"""


def dynamic(radiuscfg):
    return GATEWAY.replace("auth_source radius; conf_source radius;", "auth_source system;") + radiuscfg


def test_servers_that_may_demand_something_are_named_by_address():
    found = config.loads(DYNAMIC).settings.radius
    assert [str(each.address) for each in found.dynamic_clients] == ["192.0.2.10", "2001:db8::10"]
    assert [each.secret for each in found.dynamic_clients] == [Secret("one"), Secret("two")]
    assert [(str(each.address), each.port) for each in found.dynamic_listen] == [("192.0.2.50", 3799)]
    assert found.dynamic_authenticator
    other = config.loads("radiuscfg { dynamic_listen 0.0.0.0 3800; }").settings.radius
    assert [each.port for each in other.dynamic_listen] == [3800]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('dynamic_client radius.example.net "s";', 'write ADDR "secret";'),
        ('dynamic_client 0.0.0.0 "s";', 'write ADDR "secret";'),
        ('dynamic_client 224.0.0.1 "s";', 'write ADDR "secret";'),
        ('dynamic_client 255.255.255.255 "s";', 'write ADDR "secret";'),
        ("dynamic_client 192.0.2.10;", 'write ADDR "secret";'),
        ("dynamic_listen 192.0.2.50 443;", "out of range"),
        ("dynamic_authenticator never;", "dynamic_authenticator"),
    ],
)
def test_what_is_no_such_server_is_said_without_its_secret(line, wrong):
    with pytest.raises(config.ConfigError) as error:
        config.loads(f"radiuscfg {{ {line} }}")
    assert wrong in str(error.value)


def test_a_gateway_needs_no_other_server_of_radius_to_hear_one(tmp_path, file):
    checked_ = checked(tmp_path, dynamic('radiuscfg { dynamic_client 192.0.2.10 "one"; }'))
    assert checked_.problems == ()
    wanted = back_ends_of(checked_.settings)
    assert wanted.serves == ("orders of RADIUS servers",)
    assert (wanted.logins, wanted.accounts) == (None, False)
    assert back_ends_of(checked(tmp_path, dynamic("radiuscfg { dynamic_listen 192.0.2.50; }")).settings) is None


def test_a_server_is_heard_where_nobody_logs_in():
    """Sessions that a certificate alone opens end by their ids."""
    alone = "\n".join(line for line in GATEWAY.splitlines() if not line.startswith("mode_cfg"))
    settings = config.loads(alone + 'radiuscfg { dynamic_client 192.0.2.10 "one"; }').settings
    assert settings.mode_cfg is None
    assert back_ends_of(settings).serves == ("orders of RADIUS servers",)


def test_what_is_unwise_about_such_servers_is_told():
    twice = config.loads(dynamic('radiuscfg { dynamic_client 192.0.2.10 "a"; dynamic_client 192.0.2.10 "b"; }'))
    (told,) = [each.text for each in advice(twice.settings) if "twice" in each.text]
    assert told == "192.0.2.10 is named twice: the last secret counts"
    nobody = config.loads(dynamic("radiuscfg { dynamic_listen 192.0.2.50; }"))
    assert any("name a server by dynamic_client" in each.text for each in advice(nobody.settings))
    weak = config.loads("radiuscfg { dynamic_authenticator optional; }")
    assert any("is weak" in str(each) for each in weak.warnings)
