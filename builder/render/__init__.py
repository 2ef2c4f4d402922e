"""Templates and variables → bytes: one sandbox, quoting that none can forget, parsed outputs."""
