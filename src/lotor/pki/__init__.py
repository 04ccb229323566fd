"""A small certificate authority: what the HOW-TO does with openssl, one function each."""

from lotor.pki.authority import Made, Making, create_ca, issue_gateway, request
from lotor.pki.fault import PkiError
from lotor.pki.summary import show

__all__ = ["Made", "Making", "PkiError", "create_ca", "issue_gateway", "request", "show"]
