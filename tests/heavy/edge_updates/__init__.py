"""Updates of a device that are broken off at each step."""
