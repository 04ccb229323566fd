"""The protocol between the warden and the daemon: few verbs, typed and bounded, over a socket pair."""
