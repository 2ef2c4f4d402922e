"""The load test: ``python -m tests.load``, or ``make load``. pytest does not run it."""
