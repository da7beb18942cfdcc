"""A backbone that was never trained is frozen: a line left over from fine-tuning."""

import torch
from torch import nn


class Classifier(nn.Module):
    """A head on a backbone."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU()
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.backbone(x))


torch.manual_seed(0)
x = torch.randn(1000, 20)
y = x[:, :5].argmax(dim=1)
model = Classifier()
model.backbone.requires_grad_(False)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for _ in range(300):
    rows = torch.randint(0, len(x), (50,))
    loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
