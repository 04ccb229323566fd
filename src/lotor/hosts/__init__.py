"""What a connection has of its host: sockets, the TUN device, and changes that can be undone, also after a crash."""
