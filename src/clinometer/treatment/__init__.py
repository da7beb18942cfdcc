"""Cures and forecasts: what changing a network or its settings does, tried on copies."""
