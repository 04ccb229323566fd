"""What became of an attempt to connect, and what helps: pure, fed by the events of the core. The sentences of reasons
are in `model.reasons`."""
