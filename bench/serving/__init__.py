"""How the generated service is measured against servers that people would pick instead."""
