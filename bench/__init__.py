"""Benchmarks, each with its peers and floors in the same run; see README.md."""
