"""Scripts that train the example models and export them to ``vars/models/``; see README.md."""
