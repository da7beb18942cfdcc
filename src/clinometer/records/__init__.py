"""The shared vocabulary: what a recording holds, in which units."""
