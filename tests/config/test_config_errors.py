"""Every kind of mistake, with its exact place: the mark ¦ in a text stands where the caret must point."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.config import ConfigError, loads, render
from lotor.config.problem import Problem

PROPOSAL = "proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method rsasig; dh_group 14; }"
SAINFO = "authentication_algorithm hmac_sha256; compression_algorithm deflate; "
REMOTE = f"remote anonymous {{ exchange_mode aggressive; {PROPOSAL} "


def sainfo(ciphers: str) -> str:
    return f"sainfo anonymous {{ encryption_algorithm {ciphers or 'aes'}; {SAINFO}}}"


def places(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and line and column of each."""
    found = []
    for number, line in enumerate(marked.split("\n"), start=1):
        parts = line.split("¦")
        found += [(number, len("".join(parts[: i + 1])) + 1) for i in range(len(parts) - 1)]
    return marked.replace("¦", ""), found


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        loads(text, "racoon.conf", Path("/etc/lotor"))
    return caught.value.problems


CASES = [
    # shape
    ("listen { } ¦}\n¦}", "no open block"),
    ("log info¦", "missing ; after"),
    ('log info¦\npath certificate "/c";', 'missing ; after "info"'),
    ("timer { counter 3¦ }", 'missing ; after "3"'),
    ("timer { counter 3¦ interval 5 sec; }", 'missing ; after "3"'),
    (f"{REMOTE} esp_frag 552¦\n {PROPOSAL} }}", 'missing ; after "552"'),
    ('log¦\npath certificate "/c";', "log wants error, warning, notify, info, debug or debug2"),
    ("timer ¦{ counter 3;", "never closed"),
    ("timer { ¦x { y { z { ¦{ } } } } }", "nest more than 4 deep"),
    ('path certificate ¦"/etc;\nlog info;', "not closed"),
    ("log ¦in¦\x01fo;", "no text"),
    ("log ¦¦\udcffinfo;", "no text"),
    ('radiuscfg { auth "h" "¦\udcff"; }', "no text"),
    ("¦{ counter 3; }", "no name"),
    ("timer¦;", "wants a block in braces"),
    ("timer { counter 3¦ { } }", "takes no block in braces"),
    ("timer ¦5 { }", "too much here: write timer {"),
    # names
    ("¦lisen { }", "did you mean listen"),
    ("timer { ¦count 3; }", "did you mean counter"),
    ("timer { ¦zzzz 3; }", '"zzzz" is not a directive in a timer block'),
    ("¦network4 10.99.99.1;", "it belongs into mode_cfg { }"),
    ("¦nonce_size 16;", "it belongs into remote { }"),
    ('¦path certificates "/c";', "write path backupsa or path certificate"),
    (f"{REMOTE.replace('{', '¦{', 1)}\n¦sainfo anonymous {{ pfs_group 14; }}", "is a } missing before it?"),
    ("timer { ¦Counter 3; }", "did you mean counter"),
    # numbers, units, ranges
    ("timer { counter ¦three; }", "is not a decimal number: counter wants a number from 1 to 100"),
    ("timer { counter ¦0x10; }", "is not a decimal number"),
    ("listen { isakmp 192.0.2.1; } ldapcfg { port ¦70000; }", "out of range"),
    ("timer { counter ¦-1; }", "is not a decimal number"),
    ("ldapcfg { port ¦99999999999999999999999999; }", "out of range"),
    ("timer { interval 5¦; }", "the unit of time is missing: write 5 sec, 5 min or 5 hour"),
    ("timer { interval 5 ¦days; }", '"days" is not a unit of time: interval takes sec, min or hour'),
    ("timer { interval ¦2 hours; }", "this is 7200 seconds: interval takes 1 to 3600 seconds"),
    ("timer { interval ¦x sec; }", "is not a number"),
    (f"{REMOTE} dpd_delay 20 ¦sec; }}", "counts seconds and takes no unit"),
    (f"{REMOTE} dpd_delay ¦20s; }}", "is not a decimal number"),
    (f"{REMOTE} ¦lifetime byte 5 MB; }}", "lifetime byte is refused: limits by volume"),
    (f"{REMOTE} ¦lifetime 5 min; }}", "write lifetime byte or lifetime time"),
    # quotes and words
    ('log ¦"info";', "is in quotes: log wants error"),
    ("path certificate ¦/etc/certs;", 'write "/etc/certs" in quotes'),
    ('path certificate ¦"";', "an empty name"),
    (f"{REMOTE} nat_traversal ¦yes; }}", '"yes" is not known here: nat_traversal wants on, off or force'),
    (f"{REMOTE} nat_traversal on ¦off; }}", "too much here: write nat_traversal on|off|force;"),
    (f"{REMOTE} nat_traversal¦; }}", "nat_traversal wants on, off or force"),
    (f"{REMOTE} nat_traversal ¦, on; }}", "a , is too much here"),
    (f"{REMOTE} proposal_check ¦claims; }}", "did you mean claim?"),
    # addresses
    ("mode_cfg { network4 ¦10.99.99; }", "is not an IP address"),
    ("mode_cfg { dns4 ¦ns.example.net; }", "host names are not taken here"),
    ("mode_cfg { dns4 ¦2001:db8::1; }", "is an IPv6 address: dns4 wants an IPv4 address"),
    ("mode_cfg { dns6 ¦10.0.0.1; }", "is an IPv4 address: dns6 wants an IPv6 address"),
    ("mode_cfg { network6 ¦fe80::1; }", "cannot be given to a client: take a private network, like fd00:99::1"),
    ("mode_cfg { prefix6 ¦129; }", "prefix6 wants a number from 1 to 128"),
    ("mode_cfg { network4 ¦127.0.0.1; }", "cannot be given to a client"),
    ("mode_cfg { netmask4 ¦255.0.255.0; }", "is no network mask"),
    ("mode_cfg { netmask4 ¦0.0.0.0; }", "is no network mask"),
    ("mode_cfg { dns4 10.0.0.1, 10.0.0.2, 10.0.0.3, ¦10.0.0.4; }", "dns4 takes at most 3"),
    ("mode_cfg { dns4 10.0.0.1, 10.0.0.2; ¦dns4 10.0.0.3, 10.0.0.4; }", "at most 3 in all, these are 4"),
    ("mode_cfg { dns4 10.0.0.1,¦; }", "dns4 wants an IPv4 address"),
    ("mode_cfg { split_network include ¦10.0.0.0; }", "is no network"),
    ("mode_cfg { split_network include ¦10.0.0.0/33; }", "is no network"),
    ("mode_cfg { split_network include ¦fd00::/129; }", "is no network"),
    ("mode_cfg { split_network local_lan 10.0.0.0/8, ¦fd00::/64; }", "clients cannot be told of fd00::/64 beside"),
    ("mode_cfg { split_network ¦10.0.0.0/8; }", "split_network wants include or local_lan"),
    ('mode_cfg { split_dns ¦"a.example,b.example"; }', "does not do: split_dns wants a domain in quotes"),
    ("listen { isakmp ¦192.0.2.1[70000]; }", "has no good port"),
    ("listen { isakmp ¦192.0.2.1[x]; }", "has no good port"),
    ("listen { isakmp ¦vpn.example.net; }", "host names are not taken here"),
    ('listen { adminsock "/s" "root" "root" ¦0999; }', "in octal"),
    ('listen { adminsock "/s" ¦"ro ot"; }', "the name of an account"),
    ("listen { ¦admin; }", "admin is refused: use adminsock"),
    # twice, missing
    (f"{REMOTE} }}\n¦{REMOTE} }}", "remote anonymous is given twice"),
    (f"¦remote anonymous {{ {PROPOSAL} }}", "misses exchange_mode: add exchange_mode aggressive|main|base"),
    ("¦remote anonymous { exchange_mode aggressive; }", "misses proposal: add proposal { … }"),
    (REMOTE.replace("proposal", "¦proposal", 1).replace("dh_group 14;", "") + "}", "misses dh_group"),
    (sainfo("").replace("compression_algorithm deflate; ", "").replace("sainfo", "¦sainfo"), "misses compression"),
    # algorithms
    (sainfo("aes ¦512"), '"512" is no key length of aes: it takes 128, 192 or 256 bits'),
    (sainfo("3des ¦168"), "3des has keys of one length only"),
    (sainfo("blowfish ¦7"), "it takes 40 to 448 in steps of 8 bits"),
    (sainfo("aes; pfs_group ¦modp20448"), "did you mean modp2048"),
    (f"{REMOTE} ¦dh_group 2; }}", "dh_group is refused: it belongs into each proposal"),
    (f"{REMOTE} my_identifier ¦adress; }}", "did you mean address"),
    (f'{REMOTE} my_identifier fqdn ¦""; }}', "my_identifier wants a host name in quotes"),
    (f"{REMOTE} peers_identifier ¦subnet; }}", "is refused: no peer can be a whole network"),
    (f'{REMOTE} certificate_type x509 "a.crt"¦; }}', "certificate_type wants the name of a file in quotes"),
    (f'{REMOTE} certificate_type x509 ¦"../../../key" "k"; }}', "leads out of /etc/lotor by .."),
    (f'{REMOTE} script "up.sh" ¦phase2_up; }}', "did you mean phase1_up"),
    # headers
    ("remote¦ { exchange_mode aggressive; }", "remote wants an address, anonymous, or a name in quotes"),
    ("remote ¦vpn.example.net { exchange_mode aggressive; }", "host names are not taken here"),
    (f'remote "a" inherit ¦"b" {{ exchange_mode aggressive; {PROPOSAL} }}', 'no remote "b" to inherit from'),
    (f'remote "a" inherit ¦"a" {{ exchange_mode aggressive; {PROPOSAL} }}', "would inherit from itself"),
    ('remote "a"¦;', "wants a block in braces"),
    (f"{REMOTE} ¦remote_address 192.0.2.1; }}", "belongs into a remote that is called by a name"),
    ("sainfo ¦nobody { }", "sainfo wants anonymous, address, subnet"),
    ("sainfo address 10.0.0.0/8 ¦tpc { }", "is no protocol"),
    ("sainfo address ¦10.0.0.x any { }", "is no network"),
    ("sainfo anonymous from ¦user { }", "is no kind of identifier"),
]


@pytest.mark.parametrize(("marked", "text"), CASES)
def test_place_and_text(marked: str, text: str) -> None:
    """Nothing else is told, but for what a block misses when one of its lines could not be read."""
    source, expected = places(marked)
    told = [p for p in problems(source) if "misses" in text or " misses " not in p.text]
    assert [(p.line, p.column) for p in told] == expected
    assert text in " | ".join(problem.text for problem in told)


def test_all_mistakes_of_a_file_in_one_run_and_in_order() -> None:
    source, expected = places(
        "log ¦loud;\n"
        'path certificate "/c"¦\n'
        "listen { isakmp ¦nowhere; adminsock disabled; }\n"
        "timer {\n\tcounter ¦x;\n\tinterval 5¦;\n\t¦persent 1;\n}\n"
        "¦sainfo anonymous { encryption_algorithm aes; }\n"
    )
    found = [(p.line, p.column) for p in problems(source)]
    assert found == sorted(found)
    assert set(found) == set(expected)
    assert len(found) == 7


def test_a_problem_shows_its_line_and_a_caret() -> None:
    (problem,) = problems("# first\ntimer {\n\tcounter  x; # how often\n}\n")
    assert render(problem) == (
        'racoon.conf:3:11: "x" is not a decimal number: counter wants a number from 1 to 100\n'
        "     counter  x; # how often\n"
        "              ^"
    )


def test_a_warning_says_that_it_is_one() -> None:
    warning = loads("pfkey_buffer 5;").warnings[0]
    assert render(warning, "warning").startswith("racoon.conf:1:1: warning: pfkey_buffer has no effect in lotor: ")


def test_the_caret_of_a_very_long_line_stays_in_sight() -> None:
    (problem,) = problems("timer { counter 5; " + " " * 5000 + "interval 5 days; " + " " * 5000 + "}")
    _, source, caret = render(problem).split("\n")
    assert problem.column == 5019 + 12
    assert len(source) < 200
    assert source[caret.index("^") :].startswith("days")


def test_what_the_error_says_when_it_is_printed() -> None:
    with pytest.raises(ConfigError) as caught:
        loads("log loud; timer { counter x; }")
    assert str(caught.value).count("^") == 2


def test_secrets_never_stand_in_an_error() -> None:
    for line in (
        'radiuscfg { auth "h" MyDirtySecret; }',
        'radiuscfg { auth "h" 99999 "MyDirtySecret"; }',
        'radiuscfg { auth "h" "MyDirtySecret" MyDirtySecret; }',
        'radiuscfg { auth "h" "MyDirtySecret" }',
        'radiuscfg { auth "h" "MyDirtySecret" timeoutt 3; }',
        'radiuscfg { oauth "MyDirtySecret"; }',
        'radiuscfg { auth "h" "MyDirtySecret',
        "ldapcfg { bind_pw MyDirtySecret; }",
        'ldapcfg { bind_pw "MyDirtySecret" { } }',
        'remote "MyHost" { shared_secret use "MyDirtySecret" on; }',
        'remote "MyHost" { shared_secret use MyDirtySecret; }',
        'ldapcfg { bind_pw "MyDirtySecret',
        'ldapcfg { bind_pw "' + "MyDirtySecret" * 200 + '"; }',
        'ldapcfg { bind_pw # a comment;\n "MyDirtySecret"; nonsense; }',
        'ldapcfg { bind_pw\n\n "MyDirtySecret"; } nonsense;',
        'radiuscfg { auth "h",\n "MyDirtySecret"; }',
    ):
        with pytest.raises(ConfigError) as caught:
            loads(line)
        assert "MyDirty" not in str(caught.value), line
        assert "MyDirty" not in repr(caught.value.problems), line
    for line in (
        'radiuscfg { auth "h" "MyDirtySecret"; }',
        'ldapcfg { bind_pw "MyDirtySecret"; bind_pw "MyDirtySecret"; }',
        f'{REMOTE} shared_secret use "MyDirtySecret"; }}',
    ):
        loaded = loads(line)
        assert loaded.warnings
        assert "MyDirty" not in repr(loaded)
    with pytest.raises(ConfigError, match="MyHarmlessWord"):
        loads('ldapcfg { bind_pw\n "MyDirtySecret";\n }\n MyHarmlessWord;')


def test_no_more_than_a_hundred_problems() -> None:
    assert len(problems("nonsense;\n" * 5000)) == 100
