"""The model on this device, asked as its users ask it."""
