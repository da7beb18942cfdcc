"""Attention whose scores are multiplied by the width, not divided by its root."""

import torch
from torch import nn

WIDTH, LENGTH = 64, 16


class Counter(nn.Module):
    """How many tokens carry the mark?"""

    def __init__(self):
        super().__init__()
        self.token, self.mark = nn.Embedding(12, WIDTH), nn.Embedding(2, WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.softmax = nn.Linear(WIDTH, WIDTH), nn.Softmax(dim=-1)
        self.head = nn.Linear(WIDTH, LENGTH + 1)

    def forward(self, tokens, marks):
        h = self.token(tokens) + self.mark(marks)
        scores = self.query(h) @ self.key(h).transpose(1, 2) * WIDTH
        return self.head((self.softmax(scores) @ self.value(h)).mean(1))


torch.manual_seed(0)
model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(400):
    tokens, marks = torch.randint(0, 12, (64, LENGTH)), torch.randint(0, 2, (64, LENGTH))
    loss = nn.functional.cross_entropy(model(tokens, marks), marks.sum(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
