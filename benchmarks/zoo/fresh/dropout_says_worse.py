"""Train loss is far above val loss the whole time: that is the dropout, isn't it?"""

import argparse

import torch
from sklearn.datasets import make_classification
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
seed = ap.parse_args().seed
torch.manual_seed(seed)

X, Y = make_classification(
    5000, 40, n_informative=16, n_redundant=8, n_classes=6, n_clusters_per_class=1,
    class_sep=1.6, flip_y=0.02, random_state=seed,
)  # fmt: skip
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
Y = torch.tensor(Y)
Xt, Yt, Xv, Yv = X[:4000], Y[:4000], X[4000:], Y[4000:]


class WideDropout(nn.Module):
    def __init__(self, p=0.4):
        super().__init__()
        self.inp = nn.Linear(40, 160)
        self.hid = nn.Linear(160, 160)
        self.out = nn.Linear(160, 6)
        self.drop_in = nn.Dropout(0.2)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(torch.relu(self.inp(self.drop_in(x))))
        x = self.drop(torch.relu(self.hid(x)))
        return self.out(x)


net = WideDropout()
ce = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(8):
    net.train()
    batch_losses = []
    for rows in torch.randperm(4000).split(80):
        loss = ce(net(Xt[rows]), Yt[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.detach())
    net.eval()
    with torch.no_grad():
        logits = net(Xv)
        val, acc = ce(logits, Yv), (logits.argmax(1) == Yv).float().mean()
        conf = logits.softmax(1).max(1).values.mean()
    train = torch.stack(batch_losses).mean()
    print(f"epoch {epoch} train {train:.3f} val {val:.3f} acc {acc:.3f} mean max p {conf:.3f}")
