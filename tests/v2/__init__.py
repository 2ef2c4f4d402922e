"""The Open Inference Protocol of generated services, against clients and models of all kinds."""
