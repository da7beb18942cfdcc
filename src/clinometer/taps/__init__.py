"""Observe a PyTorch run: hooks that measure and reduce at once, and never change anything."""
