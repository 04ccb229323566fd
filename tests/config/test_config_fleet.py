"""A gateway that is one of a fleet: its directives, what is wrong with them, and what nobody else may see of them."""

from __future__ import annotations

import pytest

from lotor import config
from lotor.config import database, origins
from lotor.config.back_ends import back_ends_of
from lotor.config.provision import bare
from lotor.config.settings import WhileAway
from lotor.model.member import Member
from lotor.model.secret import Secret
from paired import client, gateway, settings

POOL = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"
URL = "postgresql://lotor:sesame@127.0.0.1:5433/vpn"
FLEET = f'store "{URL}"; {gateway()} {POOL} '
MEMBER = Member("gw1", "5ea7" * 8, "4a11" * 8, 600)


def warnings(text):
    return [each.text for each in config.loads(text).warnings]


def test_the_defaults_of_a_fleet():
    found = settings(FLEET)
    assert (found.fleet.host, found.fleet.port, found.fleet.database) == ("127.0.0.1", 5433, "vpn")
    assert found.fleet.password == Secret("sesame")
    assert str(found.store.path) == "/var/lib/lotor/lotor.db"
    assert (found.fleet_name, found.lease_time, found.while_store_away) == ("", 600, WhileAway.REFUSE)


def test_what_is_written_of_a_fleet():
    more = 'local_store "/srv/here.db"; fleet_name "gw-2.example"; lease_time 30; while_store_away known;'
    found = settings(FLEET + more)
    assert str(found.store.path) == "/srv/here.db"
    assert (found.fleet_name, found.lease_time, found.while_store_away) == ("gw-2.example", 30, WhileAway.KNOWN)


def test_a_file_and_none_are_as_they_were():
    alone = settings(gateway() + POOL)
    assert (alone.fleet, str(alone.store.path)) == (None, "/var/lib/lotor/lotor.db")
    assert settings(f"store none; {gateway()}{POOL}").store is None
    assert str(settings(f'store "/srv/a.db"; {gateway()}{POOL}').store.path) == "/srv/a.db"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lease_time 29;", "30 to 86400"),
        ("lease_time 86401;", "30 to 86400"),
        ('fleet_name "";', "a name in quotes"),
        ('fleet_name "a b";', "a name in quotes"),
        (f'fleet_name "{"a" * 64}";', "63 characters"),
        ("while_store_away maybe;", "refuse or known"),
        ('store "mysql://lotor@db/vpn";', "PostgreSQL"),
    ],
)
def test_what_does_not_do_is_said(line, said):
    with pytest.raises(config.ConfigError, match=said):
        settings(gateway() + POOL + line)


def test_no_message_has_the_password(tmp_path):
    for url in ("postgresql://lotor:se same@db/vpn", "postgresql://lotor:sesame@db/vpn?sslmode=sesame"):
        with pytest.raises(config.ConfigError) as found:
            settings(f'store\n "{url}"; {gateway()}{POOL}')
        assert "same" not in str(found.value).replace("the same", "")


def test_a_driver_that_is_missing_is_said_at_check(monkeypatch):
    monkeypatch.setattr(database, "driver_missing", lambda: database.MISSING)
    found = [each.text for each in config.check(settings(FLEET)).problems]
    assert database.MISSING in found
    assert database.MISSING not in [each.text for each in config.check(settings(gateway() + POOL)).problems]


def test_the_authorities_of_the_database_are_read_at_check(tmp_path):
    missing = tmp_path / "db-ca.pem"
    text = f'store "postgresql://lotor:p@db.example.net/vpn?sslrootcert={missing}"; {gateway()}{POOL}'
    assert any(f"{missing} is missing" in each.text for each in config.check(settings(text)).problems)
    missing.write_text("no certificate")
    assert any("holds no certificates" in each.text for each in config.check(settings(text)).problems)
    missing.chmod(0o666)
    assert any(f"{missing} is not trusted" in each.text for each in config.check(settings(text)).problems)


def test_directives_of_a_fleet_without_one_are_told():
    told = warnings(f"{gateway()}{POOL} lease_time 60; while_store_away known;")
    assert any(each.startswith("lease_time has no effect without store") for each in told)
    assert any(each.startswith("while_store_away has no effect without store") for each in told)
    assert not [each for each in warnings(FLEET + "lease_time 60;") if "no effect" in each]


def test_a_client_is_of_no_fleet():
    assert any("only a gateway" in each for each in warnings(f'store "{URL}"; {client()}'))
    assert back_ends_of(settings(f'store "{URL}"; {client()}'), MEMBER) is None


def test_the_process_of_back_ends_is_there_for_the_fleet_alone():
    assert back_ends_of(settings(FLEET)) is None
    wanted = back_ends_of(settings(FLEET), MEMBER)
    assert (wanted.logins, wanted.radius, wanted.fleet.member) == (None, None, MEMBER)
    assert wanted.serves == ("the fleet at postgresql://lotor@127.0.0.1:5433/vpn",)
    assert "sesame" not in repr(wanted)


def test_a_daemon_never_hears_of_the_database():
    assert bare(settings(FLEET)).fleet is None


def test_what_counts_is_told_without_the_password():
    told = {each.directive: each.value for each in origins.effective(settings(FLEET + 'local_store "/srv/a.db";'))}
    assert told["store"] == "postgresql://lotor@127.0.0.1:5433/vpn"
    assert told["local_store"] == "/srv/a.db"
    plain = settings(f'store "/srv/b.db"; {gateway()}{POOL}')
    alone = {each.directive: each.value for each in origins.effective(plain)}
    assert alone["store"] == "/srv/b.db"
