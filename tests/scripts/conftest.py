"""Importing a script would train: pytest runs them, each in a process of its own."""

collect_ignore_glob = ["*.py"]
