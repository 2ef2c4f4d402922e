"""What is wrong with a template set: found without generating a service, all of it at once."""
