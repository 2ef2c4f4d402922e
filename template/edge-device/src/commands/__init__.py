"""What the command can do, a module for each; only the one that is asked for is imported."""
