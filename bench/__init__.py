"""Benchmarks: lotor beside other tunnels, in network namespaces of this machine."""
