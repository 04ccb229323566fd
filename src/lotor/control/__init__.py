"""The administrator's socket: typed requests and responses, one JSON object a line; the daemon carries them out."""
