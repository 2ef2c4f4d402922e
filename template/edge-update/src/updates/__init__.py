"""Signed updates of the model: two slots, one switch, and a way back."""
