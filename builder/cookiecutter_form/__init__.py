"""Templates of cookiecutter's form: a ``cookiecutter.json`` and a ``{{cookiecutter.…}}`` folder.

What cookiecutter would write is what is generated, byte for byte, but with infergen's safety: a
value is data and never evaluated as a template; templates run in a sandbox, with bounds; no value
changes the structure of a file; every path is checked; unknown variables are errors. What cannot be
had with it is refused: extensions from elsewhere, random answers, paths of this machine.
"""
