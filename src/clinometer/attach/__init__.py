"""Join the taps to a store: watch a model in this process, or run a script and watch it."""
