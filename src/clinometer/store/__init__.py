"""The recording on disk: SQLite in WAL mode, readable while it is written and after a kill."""
