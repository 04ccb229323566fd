"""What a connection changes on its host: addresses, routes, DNS; every change can be undone, also after a crash."""
