"""Semi-supervised nodes in a block graph: forty nodes are labelled, the rest is for validation."""

import argparse

import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
torch.manual_seed(ap.parse_args().seed)

N, K = 600, 4
label = torch.arange(N) % K
p = torch.where(label[:, None] == label[None], 0.035, 0.008)
adj = torch.triu((torch.rand(N, N) < p).float(), 1)
adj = adj + adj.T + torch.eye(N)
degree = adj.sum(1)
a_hat = adj / (degree[:, None] * degree[None]).sqrt()
features = torch.randn(N, 32)
features[:, :K] += 0.9 * nn.functional.one_hot(label, K)

order = torch.randperm(N)
train_mask = torch.zeros(N, dtype=torch.bool)
train_mask[order[:80]] = True
val_mask = ~train_mask


class GraphConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(cin, cout))
        self.bias = nn.Parameter(torch.zeros(cout))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, a, x):
        return a @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.gc1 = GraphConv(32, 16)
        self.gc2 = GraphConv(16, K)
        self.dropout = nn.Dropout(0.4)

    def forward(self, a, x):
        return self.gc2(a, self.dropout(torch.relu(self.gc1(a, self.dropout(x)))))


model = GCN()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=2.5e-3)
for epoch in range(1, 201):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(a_hat, features)[train_mask], label[train_mask])
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0:
        model.eval()
        with torch.no_grad():
            out = model(a_hat, features)
            val = loss_fn(out[val_mask], label[val_mask]).item()
            right = out.argmax(1) == label
        print(
            f"{epoch} train {loss.item():.3f} val {val:.3f} "
            f"acc {right[train_mask].float().mean():.3f} / {right[val_mask].float().mean():.3f}"
        )
