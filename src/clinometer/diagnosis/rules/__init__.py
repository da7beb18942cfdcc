"""The rules: one file each, found by its place; others may be shipped as entry points."""
