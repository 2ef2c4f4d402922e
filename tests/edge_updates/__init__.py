"""Updates of an edge device, and its systemd units, as their users meet them."""
