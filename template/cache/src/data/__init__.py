"""Where items that requests name by ID come from."""
