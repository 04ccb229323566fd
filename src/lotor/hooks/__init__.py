"""The administrator's scripts: what they are told, and how they are run."""
