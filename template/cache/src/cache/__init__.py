"""What was computed before, kept in memory and in a store behind it."""
