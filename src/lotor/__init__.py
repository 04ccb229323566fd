"""lotor: a remote-access IPsec VPN, gateway and client."""

__version__ = "0.1.0"
