"""The `lotor` command and racoonctl's words; every command is imported when it is called, so that it starts fast."""
