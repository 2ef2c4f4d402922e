"""Services that keep what they computed."""
