"""What is of use in every part of the service."""
