"""The protocol without I/O: datagrams, the time and answers go in, effects come out."""
