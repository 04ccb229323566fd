"""What became of an attempt to connect, told to a person: pure, fed by the events of the core; words live here."""
