"""What is run by hand or by a scheduler, beside the service."""
