"""The URL of a fleet's database: what it says, and what is wrong with it, without its password."""

import pytest

from lotor.config.database import DatabaseUrlError, advice, database_of, driver_missing, is_database
from lotor.config.servers import DatabaseTls
from lotor.model.secret import Secret

PASSWORD = "Tr0ub4dor"


def read(rest: str):
    return database_of(f"postgresql://{rest}")


def test_a_whole_url():
    found = read("lotor:p%40s%3As%2F%25@db.example.net:5433/fleet?sslmode=verify-full&sslrootcert=/etc/lotor/ca.pem")
    assert (found.host, found.port, found.database, found.user) == ("db.example.net", 5433, "fleet", "lotor")
    assert found.password == Secret("p@s:s/%")
    assert found.tls is DatabaseTls.FULL
    assert found.sslrootcert is not None
    assert str(found.sslrootcert.path) == "/etc/lotor/ca.pem"
    assert found.shown == "postgresql://lotor@db.example.net:5433/fleet"


@pytest.mark.parametrize("user", ["lotor", "lotor:"])
def test_nobody_needs_a_password(user):
    assert read(f"{user}@localhost/lotor").password is None


@pytest.mark.parametrize(
    ("rest", "host", "port"),
    [
        ("lotor@[2001:db8::5]:1/lotor", "2001:db8::5", 1),
        ("lotor@192.0.2.1/lotor", "192.0.2.1", 5432),
        ("lotor@/lotor?host=/run/postgresql", "/run/postgresql", 5432),
        ("lotor@:5433/lotor?host=/run/postgresql", "/run/postgresql", 5433),
        ("lotor@%2Frun%2Fpostgresql/lotor", "/run/postgresql", 5432),
    ],
)
def test_where_it_is(rest, host, port):
    found = read(rest)
    assert (found.host, found.port) == (host, port)
    assert str(found.port) in found.shown or host.startswith("/")


@pytest.mark.parametrize(
    ("host", "mode", "tls"),
    [
        ("db.example.net", "", "verify-full"),
        ("192.0.2.1", "?sslmode=require", "require"),
        ("192.0.2.1", "?sslmode=verify-ca", "verify-ca"),
        ("127.0.0.1", "", "disable"),
        ("localhost", "?sslmode=prefer", "disable"),
        ("[::1]", "?sslmode=disable", "disable"),
        ("localhost", "?sslmode=verify-full", "verify-full"),
        ("%2Frun", "", "disable"),
    ],
)
def test_what_is_wanted_of_tls(host, mode, tls):
    assert read(f"lotor@{host}/lotor{mode}").tls is DatabaseTls(tls)


def test_authorities_of_the_host():
    assert read("lotor@db.example.net/lotor?sslrootcert=system").sslrootcert is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://lotor:{}@db/lotor", "PostgreSQL"),
        ("postgresql://lotor:{}@db", "which database"),
        ("postgresql://lotor:{}@db/", "which database"),
        ("postgresql://lotor:{}@db/a/b", "%2F"),
        ("postgresql://db/lotor", "before the @"),
        ("postgresql://:{}@db/lotor", "before the @"),
        ("postgresql://lotor:a/{}@db/lotor", "%2F"),
        ("postgresql://lotor:a?{}@db/lotor", "%3F"),
        ("postgresql://lotor:a#{}@db/lotor", "%23"),
        ("postgresql://lotor:a@{}@db/lotor", "%40"),
        ("postgresql://lotor:a:{}@db/lotor", "%3A"),
        ("postgresql://lotor:a%{}@db/lotor", "%25"),
        ("postgresql://lotor:a%ff{}@db/lotor", "UTF-8"),
        ("postgresql://lotor:a%00{}@db/lotor", "control character"),
        ("postgresql://lotor:a {}@db/lotor", "%20"),
        ("postgresql://lotor:é{}@db/lotor", "ASCII"),
        ("postgresql://lotor:{}@/lotor", "host=/run/postgresql"),
        ("postgresql://lotor:{}@/lotor?host=run", "host=/run/postgresql"),
        ("postgresql://lotor:{}@db/lotor?host=/run", "two hosts"),
        ("postgresql://lotor:{}@db:0/lotor", "1 to 65535"),
        ("postgresql://lotor:{}@db:65536/lotor", "1 to 65535"),
        ("postgresql://lotor:{}@db:/lotor", "1 to 65535"),
        ("postgresql://lotor:{}@db:x/lotor", "1 to 65535"),
        ("postgresql://lotor:{}@a,b/lotor", "one"),
        ("postgresql://lotor:{}@[::1/lotor", "no URL"),
        ("postgresql://lotor:{}@db/" + "x" * 64, "63 octets"),
        ("postgresql://lotor:{}@db/lotor?sslmode=disable", "in clear"),
        ("postgresql://lotor:{}@db/lotor?sslmode=prefer", "in clear"),
        ("postgresql://lotor:{}@db/lotor?sslmode=allow", "in clear"),
        ("postgresql://lotor:{}@db/lotor?sslmode=on", "verify-full"),
        ("postgresql://lotor:{}@db/lotor?sslmode=require&sslmode=require", "twice"),
        ("postgresql://lotor:{}@db/lotor?connect_timeout=3", "sslrootcert"),
        ("postgresql://lotor:{}@db/lotor?sslmode", "sslrootcert"),
        ("postgresql://lotor:{}@db/lotor?sslrootcert=ca.pem", "from the / on"),
        ("postgresql://lotor:{}@db/lotor?sslmode=require&sslrootcert=/ca.pem", "verify-full"),
        ("postgresql://lotor:{}@/lotor?host=/run&sslmode=require", "leave sslmode out"),
        ("postgresql://lotor:{}@/lotor?host=/" + "x" * 90, "90 octets"),
        ("postgresql://lotor:{}@db/lotor?sslmode=" + "x" * 1024, "1024 characters"),
    ],
)
def test_what_is_wrong_says_what_to_write_and_no_password(url, told):
    with pytest.raises(DatabaseUrlError) as wrong:
        database_of(url.format(PASSWORD))
    assert told in str(wrong.value)
    assert PASSWORD not in str(wrong.value)
    assert wrong.value.__cause__ is None


def told_of(url: str) -> str:
    """All that anybody may see of a URL."""
    try:
        found = database_of(url)
    except DatabaseUrlError as wrong:
        return str(wrong)
    return f"{found.shown} {found!r}".replace(found.user, "")


def test_no_form_of_a_url_shows_its_password_or_ends_in_another_error():
    whole = f"postgresql://lotor:{PASSWORD}@db:5432/lotor?sslmode=require"
    marks = ("", "%", "@", ":", "/", "?", "#", "[", "]", "&", "=", "\0", "\n", "é", " ")
    changed = [whole[:at] + put + whole[at + gone :] for at in range(len(whole)) for put in marks for gone in (0, 1)]
    assert len(changed) > 1000
    assert [url for url in changed if PASSWORD in told_of(url)] == []


def test_what_a_person_should_know():
    assert [*advice(read("lotor@db/lotor"))] == []
    assert "verify-full" in "".join(advice(read("lotor@db/lotor?sslmode=require")))
    assert "verify-full" in "".join(advice(read("lotor@db/lotor?sslmode=verify-ca")))


def test_a_database_is_no_file_and_its_driver_is_here():
    assert is_database("postgresql://x")
    assert not is_database("/var/lib/lotor/lotor.db")
    assert driver_missing() == ""
