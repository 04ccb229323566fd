"""The Protocol classes that engines implement: what the runtime needs, not how it is done."""
