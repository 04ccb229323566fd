"""ESP in the kernel: its security associations and policies over netlink (XFRM)."""
