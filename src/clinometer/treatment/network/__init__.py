"""What remedies of weights and network share: one call seen operation by operation, draws, insertions."""
