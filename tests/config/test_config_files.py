"""Files: the main one, included ones, and where relative names lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lotor.config import ConfigError, examine, load, loads
from lotor.config.problem import Problem


def problems(path: Path) -> list[tuple[str, int, int, str]]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [(Path(p.path).name, p.line, p.column, p.text) for p in caught.value.problems]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"racoon\.conf:1:1: cannot be read: No such file or directory"):
        load(tmp_path / "racoon.conf")
    with pytest.raises(ConfigError, match="it is not a regular file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match="it is not a regular file"):
        load(tmp_path / "fifo")


def test_a_file_that_is_too_large_or_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "racoon.conf", "#" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="larger than 1048576 octets"):
        load(path)
    path.write_bytes(b"# in a comment \xff is fine\nlog \xffinfo;\n")
    assert [(line, column) for _, line, column, _ in problems(path)] == [(2, 5), (2, 5)]


def test_crlf_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "racoon.conf"
    path.write_bytes("\ufefflog debug;\r\ntimer {\r\n counter 3;\r\n}\r\n".encode())
    assert load(path).settings.timer.counter == 3


def test_included_files_stand_in_the_place_of_the_line(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "1.conf", "timer { counter 3; }")
    write(tmp_path / "conf.d" / "2.conf", "timer { persend 1; }")
    write(tmp_path / "conf.d" / "2.txt", "nonsense")
    main = write(tmp_path / "racoon.conf", 'include "conf.d/*.conf"; timer { interval 4 sec; }')
    timer = load(main).settings.timer
    assert (timer.counter, timer.interval) == (3, 4)


def test_path_include_counts_for_the_lines_behind_it(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "1.conf", "timer { counter 3; }")
    main = write(tmp_path / "racoon.conf", f'path include "{tmp_path}/conf.d";\ninclude "1.conf";')
    assert load(main).settings.timer.counter == 3


def test_home_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "1.conf", "timer { counter 3; }")
    assert loads('include "~/1.conf";').settings.timer.counter == 3
    _, warning = loads('include "~no-such-user/1.conf";').warnings
    assert "no file fits" in warning.text


def test_where_no_file_fits_there_is_a_warning(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "racoon.conf", 'include "conf.d/*.conf";\ntimer { counter 3; }'))
    warning = max(loaded.warnings, key=lambda each: each.column)
    assert (warning.line, warning.column) == (1, 9)
    assert 'no file fits "conf.d/*.conf": looked for' in warning.text
    assert loaded.settings.timer.counter == 3


def test_mistakes_name_the_included_file(tmp_path: Path) -> None:
    write(tmp_path / "a.conf", "\ntimer { counter x; }")
    main = write(tmp_path / "racoon.conf", 'log loud;\ninclude "a.conf";\nlog quiet;')
    assert [found[:3] for found in problems(main)] == [("racoon.conf", 1, 5), ("racoon.conf", 3, 5), ("a.conf", 2, 17)]


@pytest.mark.parametrize(
    ("line", "column", "text"),
    [
        ('include "conf.d";', 9, "cannot be read: it is not a regular file"),
        ('include "../racoon.conf";', 9, "leads out of"),
        ('include "conf.d/../../x";', 9, "leads out of"),
        ("include conf.d;", 9, 'write "conf.d" in quotes'),
        ("include;", 8, "include wants the name of a file in quotes"),
        ('include "a" "b";', 13, "too much here"),
        ('include "";', 9, "an empty name"),
        ('include "racoon.conf";', 9, "would include itself"),
        ('timer { include "a"; }', 9, "it belongs to the top level"),
    ],
)
def test_include_lines_that_do_not_do(tmp_path: Path, line: str, column: int, text: str) -> None:
    (tmp_path / "conf.d").mkdir()
    ((name, number, found, told),) = problems(write(tmp_path / "racoon.conf", line))
    assert (name, number, found) == ("racoon.conf", 1, column)
    assert text in told


PSK = 'path certificate "/etc/lotor/certs"; path pre_shared_key "${CREDENTIALS_DIRECTORY}/psk.txt";'


def test_a_file_may_be_a_credential_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/lotor-client@work.service")
    paths = loads(PSK).settings.paths
    assert paths.pre_shared_key is not None
    assert paths.pre_shared_key.path == Path("/run/credentials/lotor-client@work.service/psk.txt")
    whole = loads('path certificate "${CREDENTIALS_DIRECTORY}";').settings.paths.certificate
    assert whole is not None
    assert whole.path == Path("/run/credentials/lotor-client@work.service")


@pytest.mark.parametrize("directory", ["", "credentials", None])
def test_a_person_reads_the_file_with_the_credentials_of_the_gateways_service(
    monkeypatch: pytest.MonkeyPatch, directory: str | None
) -> None:
    """Commands outside of the service, `lotor user add` for one, have no such variable."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if directory is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", directory)
    found = loads(PSK).settings.paths.pre_shared_key
    assert found is not None
    assert found.path == Path("/run/credentials/lotor.service/psk.txt")


@pytest.mark.parametrize("name", ["${HOME}/psk.txt", "$CREDENTIALS_DIRECTORY/psk.txt", "x/${CREDENTIALS_DIRECTORY}"])
def test_no_other_variable_is_looked_up(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/lotor-client@work.service")
    found = loads(f'path pre_shared_key "{name}";').settings.paths.pre_shared_key
    assert found is not None
    assert found.path.parts[-len(Path(name).parts) :] == Path(name).parts


def test_a_circle_of_includes(tmp_path: Path) -> None:
    write(tmp_path / "a.conf", 'include "b.conf";')
    write(tmp_path / "b.conf", 'include "a.conf";')
    ((name, _, _, text),) = problems(write(tmp_path / "racoon.conf", 'include "a.conf";'))
    assert (name, text.partition(" would ")[2]) == ("b.conf", "include itself: take one of the two include lines out")


def test_ten_files_deep_and_no_deeper(tmp_path: Path) -> None:
    for number in range(12):
        write(tmp_path / f"{number}.conf", f'include "{number + 1}.conf";')
    write(tmp_path / "12.conf", "timer { counter 3; }")
    ((name, _, _, text),) = problems(tmp_path / "0.conf")
    assert name == "9.conf"
    assert "more than 10 files deep" in text
    assert load(tmp_path / "3.conf").settings.timer.counter == 3


def test_very_many_files(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path / "conf.d" / f"{number}.conf", "# empty")
    ((_, _, _, text),) = problems(write(tmp_path / "racoon.conf", 'include "conf.d/*";'))
    assert "256 at most" in text


def test_where_relative_names_lead(tmp_path: Path) -> None:
    text = """
        remote anonymous { exchange_mode aggressive; certificate_type x509 "a.crt" "/k/a.key"; script "up" phase1_up;
            proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server;
                dh_group 14; } }
        mode_cfg { users "users"; banner "sub/../motd"; }
    """
    settings = load(write(tmp_path / "racoon.conf", text)).settings
    (remote,) = settings.remotes
    assert remote.certificate
    assert settings.mode_cfg
    assert settings.mode_cfg.banner
    assert remote.certificate.certificate.path == tmp_path / "a.crt"
    assert remote.certificate.key.path == Path("/k/a.key")
    assert remote.scripts[0].file.path == tmp_path / "up"
    assert settings.mode_cfg.users.path == tmp_path / "users"
    assert settings.mode_cfg.banner.path == tmp_path / "sub/../motd"


def test_path_lines_count_wherever_they_stand() -> None:
    text = """
        remote anonymous { exchange_mode aggressive; certificate_type x509 "a.crt" "a.key"; script "up" phase1_up;
            proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server;
                dh_group 14; } }
        path certificate "/certs"; path script "scripts";
    """
    (remote,) = loads(text, directory=Path("/here")).settings.remotes
    assert remote.certificate
    assert remote.certificate.key.path == Path("/certs/a.key")
    assert remote.scripts[0].file.path == Path("/here/scripts/up")


def test_problem_is_a_value() -> None:
    assert Problem("a", 1, 2, "text") == Problem("a", 1, 2, "text")


@pytest.mark.parametrize("text", ["", "\n\n", "# remote anonymous { }\n"])
def test_a_file_that_says_nothing_is_refused(text: str, tmp_path: Path) -> None:
    file = write(tmp_path / "racoon.conf", text)
    with pytest.raises(ConfigError, match="the file says nothing: is it the right one, and whole"):
        load(file)
    (problem,) = examine(file).problems
    assert (problem.line, problem.column) == (1, 1)
    assert load(write(tmp_path / "other.conf", 'include "none/*.conf";')).warnings
