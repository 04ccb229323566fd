"""Drives the core in asyncio: sockets, timers, the journal and the answers to the core's questions; decides nothing."""
