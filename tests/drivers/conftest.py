"""Scripts that tests start in processes of their own: imported, they would run."""

collect_ignore_glob = ["*.py"]
