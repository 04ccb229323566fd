"""Files with secrets: read when nobody else could have read or written them, written so that nobody else can."""
