"""Caches, for longer."""
