"""What a process gives up for good: another user, capabilities, memory that others read, files and system calls."""
