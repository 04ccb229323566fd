"""What lotor says of itself to its own kind, in vendor ids (RFC 7296 §3.12). Others ignore them."""

from __future__ import annotations

HANDS_OVER = bytes.fromhex("86dc353906ba0bf1e28774785a3f4251")
"""Of a client: to a gateway that has proved itself it would rather give the password than show that it knows it. A
gateway can hold such a password against whatever hash it has."""
