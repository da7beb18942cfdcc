"""Frameworks in, trackers out: one file each, loaded only where theirs already is."""
