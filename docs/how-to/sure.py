"""A random split of rows that hang together: sure of itself, and wrong about other wells."""

import numpy as np

rng = np.random.default_rng(0)
well = np.repeat(["A", "B", "C", "D"], 300)
label = rng.integers(0, 2, well.size)
right = rng.random(well.size) < 0.82
logit = np.where(right == (label == 1), 1, -1) * rng.gamma(9.0, 0.6, well.size)
with open("held_out.csv", "w", encoding="utf-8") as file:
    file.write("label,logit,well\n")
    file.writelines(f"{a},{b:.4f},{c}\n" for a, b, c in zip(label, logit, well, strict=True))
