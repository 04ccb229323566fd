"""Where the commands find the daemon: a look at the configuration's words says the same as reading all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.cli import locate
from lotor.config import load

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/**/racoon.conf"))


def whole(path):
    adminsock = load(path).settings.listen.adminsock
    return adminsock.path if adminsock is not None else locate.DEFAULT_SOCKET


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "-".join(path.parts[-3:-1]))
def test_the_examples_are_understood_at_a_glance(path):
    assert locate._at_a_glance(path) in {None, whole(path)}
    assert locate.control_socket(None, path) == whole(path)


@pytest.mark.parametrize(
    ("text", "glance"),
    [
        ("timer { counter 3; }", locate.DEFAULT_SOCKET),
        ('listen { adminsock "/run/a.sock"; }', Path("/run/a.sock")),
        ('listen{adminsock"/run/a b.sock""root" "root" 0660;}', Path("/run/a b.sock")),
        ('# adminsock "/run/b.sock";\nlisten { adminsock "/run/a#.sock"; } # include', Path("/run/a#.sock")),
        ("listen { adminsock disabled; }", None),
        ('listen { adminsock "a.sock"; }', None),
        ('include "more.conf";', None),
        ('path include "/etc/more";\nlisten { adminsock "/run/a.sock"; }', None),
    ],
)
def test_what_is_not_said_plainly_is_read_as_a_whole(tmp_path, text, glance):
    (tmp_path / "more.conf").write_text('listen { adminsock "/run/more.sock"; }\n')
    path = tmp_path / "racoon.conf"
    path.write_text(f"{text}\n")
    assert locate._at_a_glance(path) == glance
    assert locate.control_socket(None, path) == whole(path)


def test_a_mistake_elsewhere_does_not_hide_the_socket(tmp_path):
    """The daemon still runs with what it read before the mistake."""
    path = tmp_path / "racoon.conf"
    path.write_text('listen { adminsock "/run/a.sock"; }\nremote anonymous { nonsense; }\n')
    assert locate.control_socket(None, path) == Path("/run/a.sock")


def test_what_is_no_file_is_not_opened(tmp_path):
    assert locate._at_a_glance(tmp_path) is None
