"""One run tells everything: mistakes of the text, blocks that cannot work, and files that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import ConfigError, Problem, examine, load
from lotor.config.inherit import MOST_PARENTS
from lotor.config.words import MOST_PROBLEMS

METHOD = (
    "proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_%s; dh_group %d; }"
)
GATEWAY = METHOD % ("server", 14)
CLIENT = METHOD % ("client", 14)
ALGORITHMS = "encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate;"
SAINFO = f"sainfo anonymous {{ {ALGORITHMS} }}"
WHOLE = f"""\
remote anonymous {{
    exchange_mode aggressive;
    certificate_type x509 "gw.crt" "gw.key";
    {GATEWAY}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 5; auth_source local; banner "motd"; }}
{SAINFO}
"""


def told(text: str, home: Path) -> list[tuple[int, str]]:
    """Line and text of every problem, in their order."""
    file = home / "racoon.conf"
    file.write_text(text)
    return [(each.line, each.text) for each in examine(file).sorted()]


def test_files_are_told_beside_a_mistake_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "gw.crt").write_text("")
    text = WHOLE.replace("mode aggressive", "mode agressive").replace("pool_size 5", "pool_size -1")
    lines = told(text, tmp_path)
    assert [line for line, _ in lines] == [2, 3, 6, 6]
    for (_, said), wanted in zip(
        lines, ("agressive", "gw.key is missing", "pool_size", "motd is missing"), strict=True
    ):
        assert wanted in said


def test_blocks_without_a_mistake_are_judged(tmp_path: Path) -> None:
    other = f"remote 192.0.2.9 {{ exchange_mode aggressive;\n{CLIENT}\n{METHOD % ('client', 15)} }}\n"
    lines = told(f"{other}nonsense;\n{SAINFO.replace('authentication_algorithm hmac_sha256;', '')}", tmp_path)
    assert [(line, text[:30]) for line, text in lines] == [
        (3, "aggressive mode can offer one "),
        (4, '"nonsense" is not a directive '),
        (5, "aes does not authenticate pack"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"remote anonymous {{ exchange_mode agressive; {GATEWAY} }} {SAINFO}",  # no word about the mode_cfg it lacks
        f'remote anonymous {{ exchange_mode aggressive; certificate_type x510 "a" "b"; {GATEWAY} }} {SAINFO}',
        f"remote 192.0.2.1 {{ exchange_mode aggressive; ca_typ; {CLIENT} }} {SAINFO}",
        f"remote 192.0.2.1 {{ exchange_mode aggressive; {CLIENT} }} {SAINFO} path certificate nowhere;",
        f"sainfo anonymous {{ encryption_algorithm; }} remote 192.0.2.1 {{ exchange_mode aggressive; {CLIENT} }}",
    ],
)
def test_what_may_follow_from_a_mistake_is_not_told(text: str, tmp_path: Path) -> None:
    assert {text for _, text in told(text, tmp_path)} == {each.text for each in mistakes(text, tmp_path)}


def test_where_a_path_line_is_wrong_no_file_is_missed(tmp_path: Path) -> None:
    ((line, text),) = told(f"path certificate /etc/certs;\n{WHOLE}", tmp_path)
    assert (line, "in quotes" in text) == (1, True)


def test_an_heir_of_a_block_with_a_mistake_is_left_out(tmp_path: Path) -> None:
    """What it lacks its parent may have."""
    text = f'remote "a" {{ exchange_mode nothing; ca_type x509 "ca"; {CLIENT} }}\nremote "b" inherit "a";\n{SAINFO}'
    assert [line for line, _ in told(text, tmp_path)] == [1, 1]


def test_a_pre_shared_key_file_is_missed_only_where_it_is_used(tmp_path: Path) -> None:
    path = 'path pre_shared_key "psk.txt";\nnonsense;\n'
    keyed = CLIENT.replace("hybrid_rsa_client", "pre_shared_key")
    remote = "remote 192.0.2.1 {{ exchange_mode aggressive; {} }}\n{}"
    assert len(told(path + remote.format(CLIENT, SAINFO), tmp_path)) == 1
    assert "psk.txt is missing" in told(path + remote.format(keyed, SAINFO), tmp_path)[0][1]


def test_included_files_come_in_the_order_in_which_they_were_read(tmp_path: Path) -> None:
    (tmp_path / "z.conf").write_text("nonsense;\n")
    (tmp_path / "a.conf").write_text("rubbish;\n")
    (tmp_path / "racoon.conf").write_text(f'{WHOLE}include "z.conf";\ninclude "a.conf";\n')
    names = [Path(each.path).name for each in examine(tmp_path / "racoon.conf").sorted()]
    assert names == ["racoon.conf"] * 3 + ["z.conf", "a.conf"]


def test_a_file_that_cannot_be_read_is_the_only_problem(tmp_path: Path) -> None:
    (problem,) = examine(tmp_path / "racoon.conf").problems
    assert "cannot be read" in problem.text


def mistakes(text: str, home: Path) -> tuple[Problem, ...]:
    """Those of the text alone."""
    (home / "racoon.conf").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(home / "racoon.conf")
    return caught.value.problems


def test_newcomer_20_what_this_version_cannot_do_is_told_beside_a_mistake(tmp_path: Path) -> None:
    for name in ("gw.crt", "gw.key", "motd"):
        (tmp_path / name).write_text("")
    text = WHOLE.replace("encryption_algorithm aes; auth", "encryption_algorithm idea; auth")
    lines = told(text.replace("mode aggressive", "mode agressive"), tmp_path)
    assert [line for line, _ in lines] == [2, 7]
    assert "(idea: no system's ESP" in lines[1][1]


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("encryption_algorithm aes, eas 128, 3dess, camelia 256;", ["eas", "3dess", "camelia"]),
        ("encryption_algorithm eas, aes 255, aes;", ["eas", "255"]),
        ("authentication_algorithm hmac_sha, hmac_sha256, hmac_md55;", ["hmac_sha", "hmac_md55"]),
    ],
)
def test_every_bad_word_of_a_list_is_named(tmp_path: Path, statement: str, bad: list[str]) -> None:
    name = statement.split(maxsplit=1)[0]
    kept = [each for each in ALGORITHMS.split("; ") if not each.startswith(name)]
    client = f"remote 192.0.2.1 {{ exchange_mode aggressive; {CLIENT} }}"
    text = f"{client}\nsainfo anonymous {{ {statement} {'; '.join(kept)} }}"
    lines = [said for line, said in told(text, tmp_path) if line == 2]
    assert [said.split()[0].strip('"') for said in lines] == bad


@pytest.mark.parametrize("mode", ["agressive, mian", "agressive mian", "main agressive mian", "agressive main bse"])
def test_every_bad_word_of_a_list_of_modes_is_named(tmp_path: Path, mode: str) -> None:
    text = f"remote 192.0.2.1 {{\nexchange_mode {mode};\n{CLIENT} }}\n{SAINFO}"
    lines = [said for line, said in told(text, tmp_path) if line == 2]
    assert [said.split()[0].strip('"') for said in lines] == [
        word.strip(",") for word in mode.split() if word.strip(",") != "main"
    ]


def test_a_bad_word_before_a_missing_semicolon_does_not_swallow_the_next_directive(tmp_path: Path) -> None:
    sainfo = SAINFO.replace("encryption_algorithm aes;", "encryption_algorithm aes, eas")
    text = f"remote 192.0.2.1 {{ exchange_mode aggressive; {CLIENT} }}\n{sainfo}"
    lines = [said for line, said in told(text, tmp_path) if line == 2]
    assert len(lines) == 1
    assert '"eas" is not known here' in lines[0]


def test_a_list_that_is_too_long_is_told_with_its_bad_words(tmp_path: Path) -> None:
    networks = ", ".join(f"10.{each}.0.0/16" for each in range(256))
    text = WHOLE.replace("pool_size 5;", f"pool_size 5; split_network include 10.0.0.300, {networks}, 10.0.1.0/24;")
    for name in ("gw.crt", "gw.key", "motd"):
        (tmp_path / name).write_text("")
    lines = [said for line, said in told(text, tmp_path) if line == 6]
    assert any("10.0.0.300" in said for said in lines)


@pytest.mark.parametrize("blocks", [101, 400])
def test_more_mistakes_than_one_run_tells(blocks: int, tmp_path: Path) -> None:
    """Of the blocks whose mistakes were not told nobody knows that they are sound."""
    lines = told("remote anonymous { exchange_mod main; }\n" * blocks, tmp_path)
    assert len(lines) == MOST_PROBLEMS
    assert not [text for _, text in lines if "sainfo" in text]


def test_parents_without_end(tmp_path: Path) -> None:
    """A chain of blocks costs each of them a look at all that are above it."""
    text = "".join(f'remote "r{each}" inherit "r{each + 1}";\n' for each in range(4000))
    lines = told(f'{text}remote "r4000" {{ exchange_mode main; {CLIENT} }} {SAINFO}', tmp_path)
    assert lines[0][1] == f'remote "r0" inherits from more than {MOST_PARENTS} others, one above the other'


def test_parents_that_are_all_unknown(tmp_path: Path) -> None:
    """A name is compared with some others, not with thousands."""
    text = "".join(f'remote "remote-{each}" inherit "romote-{each}" {{ }}\n' for each in range(2000))
    assert "did you mean" in told(text, tmp_path)[0][1]
