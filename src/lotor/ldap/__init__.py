"""An LDAP directory as a back end: who a user is there, whether a password is his, and what the entry grants."""
