"""``python -m builder``, beside the ``infergen`` command."""

from builder.cli import main

if __name__ == "__main__":
    main()
