"""What should happen: closed forms of activations, losses and floating point. NumPy in, NumPy out."""
