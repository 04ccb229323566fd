"""A D-Bus of its own for a node, which lets everybody say everything."""

from __future__ import annotations

from lab.node import LabError, Node, wait_until

SOCKET = "/run/dbus/system_bus_socket"
"""Where programs look for the bus of the system."""
_BUS = f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={SOCKET}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*"/>
    <allow send_type="signal"/> <allow receive_type="signal"/>
    <allow send_type="method_call"/> <allow receive_type="method_call"/>
    <allow send_type="method_return"/> <allow receive_type="method_return"/>
    <allow send_type="error"/> <allow receive_type="error"/>
  </policy>
</busconfig>
"""


def serve(node: Node) -> None:
    node.run("mkdir", "-p", "/run/dbus")
    bus = node.write("/run/bus.conf", _BUS)
    node.start("dbus", "dbus-daemon", f"--config-file={bus}", "--nofork", "--nopidfile")
    if not wait_until(lambda: node.path(SOCKET).exists()):
        raise LabError("dbus-daemon does not start")
