"""`lotor daemon --log`: a file, the form of its lines, or both."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.daemon import start


@pytest.mark.parametrize(
    ("words", "file", "json"),
    [
        ((), None, False),
        (("-l", "/var/log/lotor.log"), Path("/var/log/lotor.log"), False),
        (("--log", "json"), None, True),
        (("--log", "json", "--log", "/var/log/lotor.json"), Path("/var/log/lotor.json"), True),
        (("--log", "./json"), Path("json"), False),
    ],
)
def test_a_log_is_a_file_or_a_form_or_both(monkeypatch, words, file, json):
    given = []
    monkeypatch.setattr(start, "run", lambda options: given.append(options) or 0)
    result = CliRunner().invoke(lotor, ["daemon", "-f", "racoon.conf", *words])
    assert result.exit_code == 0, result.output
    ((options),) = given
    assert (options.log, options.json) == (file, json)


def test_two_files_are_one_too_many():
    result = CliRunner().invoke(lotor, ["daemon", "--log", "a", "--log", "b"])
    assert result.exit_code == 2
    assert "--log names one file" in result.output
