"""Which kernels garble what, by the versions that they tell."""

from __future__ import annotations

import pytest

from lotor.dataplane.userspace.kernels import breaks_segments


@pytest.mark.parametrize(
    "release",
    [
        "7.0.0-rc1",
        "7.0-rc1",
        "7.0.0-14-generic",
        "7.0.10-200.fc44.x86_64",
        "7.1.0-rc4+",
        "7.1.0-061.rc2.git1-default",
        "7.1.3-arch1-1",
        "7.1.3+deb14-amd64",
        "7.1",
        "a kernel of my own",
        "",
    ],
)
def test_kernels_that_garble_segments_are_known_by_their_versions(release):
    assert breaks_segments(release)


@pytest.mark.parametrize(
    "release",
    [
        "6.1.0-37-amd64",
        "6.18.44-fc-v782",
        "6.19.99",
        "5.15.90.1-microsoft-standard-WSL2",
        "4.18.0-553.el8_10.x86_64",
        "7.1.4",
        "7.1.10-1-generic",
        "7.2.0-rc1",
        "7.10.0",
        "70.0.1",
        "17.0.0",
    ],
)
def test_others_are_let_alone(release):
    assert not breaks_segments(release)
