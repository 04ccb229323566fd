"""ESP in the kernel: what the daemon has of it. Who has the rights stands behind `ports.host_esp`."""
