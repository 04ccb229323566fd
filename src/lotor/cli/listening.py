"""Where a command listens, as it is typed."""

from __future__ import annotations

from ipaddress import ip_address

import click


class Place(click.ParamType[tuple[str, int]]):
    """PORT or ADDRESS:PORT, with an IPv6 address in brackets."""

    name = "[address:]port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        address, _, port = str(value).rpartition(":")
        try:
            where, number = str(ip_address(address.strip("[]"))) if address else "", int(port)
        except ValueError:
            where, number = "", 0
        if not 0 < number < 1 << 16:
            self.fail(f"{value} is neither PORT nor ADDRESS:PORT, such as 192.0.2.1:8443", param, ctx)
        return where, number


LISTEN = Place()
