"""What a peer sends as X.509, judged by trust anchors and revocation lists: no secret is held here."""
