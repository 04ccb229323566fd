"""What a process with rights and one without say to each other: few verbs, typed, bounded, over a socket pair."""
