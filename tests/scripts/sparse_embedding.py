"""Sparse gradients with repeated rows: SparseAdam for the table, Adam for the rest."""

import torch
from digest import seed, tell
from torch import nn

seed()
table = nn.Embedding(1000, 8, sparse=True)
bag = nn.EmbeddingBag(50, 8, mode="mean", sparse=True)
head = nn.Linear(8, 2)
sparse = torch.optim.SparseAdam([table.weight, bag.weight], lr=1e-2)
dense = torch.optim.Adam(head.parameters(), lr=1e-2)
losses = []

for _ in range(12):
    words, labels = torch.randint(30, (16, 5)), torch.randint(2, (16,))
    sparse.zero_grad()
    dense.zero_grad()
    loss = nn.functional.cross_entropy(head(table(words).sum(dim=1) + bag(words)), labels)
    loss.backward()
    assert table.weight.grad.is_sparse
    sparse.step()
    dense.step()
    losses.append(loss.item())

tell(losses, table, bag, head, sparse, dense)
