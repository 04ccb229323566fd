"""A small internet in network namespaces (client, NAT router, gateway, inside host) for the demo and the tests."""
