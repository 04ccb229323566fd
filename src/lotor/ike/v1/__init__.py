"""IKE version 1: its exchanges as stories, its keys, its way of sealing messages."""
