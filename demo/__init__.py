"""`make demo`: the HOW-TO from end to end, in network namespaces."""
