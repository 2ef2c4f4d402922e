"""Makes other forms of the model for this device, and ships one only if it proves better."""
