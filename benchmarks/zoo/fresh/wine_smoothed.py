"""Which cultivar? Label smoothing, because there are only 178 bottles."""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

ap = argparse.ArgumentParser(description=__doc__)
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--epochs", type=int, default=40)
ap.add_argument("--smoothing", type=float, default=0.05)
opt = ap.parse_args()
torch.manual_seed(opt.seed)

X, y = load_wine(return_X_y=True)
Xtr, Xva, ytr, yva = train_test_split(X, y, test_size=0.4, stratify=y, random_state=opt.seed)
scaler = StandardScaler().fit(Xtr)
Xtr, Xva = (torch.from_numpy(scaler.transform(a).astype(np.float32)) for a in (Xtr, Xva))
ytr, yva = torch.from_numpy(ytr), torch.from_numpy(yva)

net = torch.nn.Sequential()
net.add_module("hidden", torch.nn.Linear(13, 16))
net.add_module("act", torch.nn.GELU())
net.add_module("drop", torch.nn.Dropout(0.2))
net.add_module("out", torch.nn.Linear(16, 3))
smooth = torch.nn.CrossEntropyLoss(label_smoothing=opt.smoothing)
plain = torch.nn.CrossEntropyLoss()
optim = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.05)

for epoch in range(opt.epochs):
    net.train()
    for rows in torch.randperm(len(Xtr)).split(16):
        optim.zero_grad()
        loss = smooth(net(Xtr[rows]), ytr[rows])
        loss.backward()
        optim.step()
    net.eval()
    with torch.inference_mode():
        out = net(Xva)
        val = plain(out, yva).item()
        acc = (out.argmax(1) == yva).float().mean().item()
        sure = out.softmax(1).amax(1).mean().item()
    if epoch % 5 == 4:
        print(f"epoch {epoch:2d} train {loss.item():.3f} val {val:.3f} acc {acc:.3f} p {sure:.3f}")
