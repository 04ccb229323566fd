"""`ikev1_until`: where it may stand, what it takes, and when there is a warning."""

from __future__ import annotations

from datetime import date

import pytest

from lotor.config import ConfigError, loads
from lotor.config.giving_check import ikev1_advice

FILE = """
remote anonymous {{
    exchange_mode main;
    certificate_type x509 "gw.crt" "gw.key";
    proposal {{ encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_server;
        dh_group 14; }}
}}
sainfo anonymous {{ encryption_algorithm aes 256; authentication_algorithm hmac_sha256;
    compression_algorithm deflate; }}
mode_cfg {{ network4 10.99.99.1; auth_source local; {0} }}
"""


def said(words: str, today: date) -> list[str]:
    settings = loads(FILE.format(words)).settings
    return [each.text for each in ikev1_advice(settings, today)]


def test_everybody_and_groups_have_a_day() -> None:
    words = 'ikev1_until "2027-03-31"; group "staff" { ikev1_until "2027-06-30"; } group "rest" { }'
    mode_cfg = loads(FILE.format(words)).settings.mode_cfg
    assert mode_cfg is not None
    assert mode_cfg.ikev1_until == "2027-03-31"
    assert [each.ikev1_until for each in mode_cfg.groups] == ["2027-06-30", None]


@pytest.mark.parametrize("day", ["2027-02-30", "31.3.2027", "2027-3-1", "20270331", "", "9999-01-01"])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads(FILE.format(f'ikev1_until "{day}";'))
    assert 'ikev1_until wants one like "2027-03-31"' in caught.value.problems[0].text


def test_thirty_days_before_there_is_a_warning() -> None:
    words = 'ikev1_until "2027-03-31"; group "staff" { ikev1_until "2027-06-30"; }'
    named = "lotor status --versions names who would be kept out"
    assert said(words, date(2027, 2, 28)) == []
    assert said(words, date(2027, 3, 1)) == [f"IKEv1 ends for everybody with 2027-03-31: {named}"]
    assert said(words, date(2027, 6, 1)) == [
        f"IKEv1 ended for everybody on 2027-03-31: {named}",
        f'IKEv1 ends for the group "staff" with 2027-06-30: {named}',
    ]
