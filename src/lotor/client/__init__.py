"""A client's connections as a person means them: a typed gateway, a login, one outcome. No protocol, no sockets."""
