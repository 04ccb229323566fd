"""One-time links: a page over HTTPS from which a device fetches its profile once, in a process of its own."""
