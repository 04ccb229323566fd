"""What runs RADIUS and LDAP, in a process of their own or in the one that does everything: engines for settings, and
the answers to what is asked of them."""
