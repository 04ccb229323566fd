"""`lotor doctor`: what is wrong with this host for a gateway or a client, and the command that mends it.

A check looks (programs, /proc, the kernel, servers: plain facts), then judges (pure). It changes nothing on the host.
"""
