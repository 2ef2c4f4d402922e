"""The edge-device variant as its users meet it: updates, slots and units."""
