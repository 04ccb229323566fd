"""Files that set a device up for a gateway: for Apple's systems, Windows, Android, strongSwan, NetworkManager."""
