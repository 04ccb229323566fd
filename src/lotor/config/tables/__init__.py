"""The directive tables: every directive of racoon.conf, and lotor's own, declared once each."""
