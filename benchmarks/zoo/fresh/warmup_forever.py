"""Denoising autoencoder of digits; warmup_steps was copied from a paper that trains for a million steps."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
p.add_argument("--lr", type=float, default=1e-3)
p.add_argument("--warmup-steps", type=int, default=1_000_000)
args = p.parse_args()
torch.manual_seed(args.seed)

images, _ = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)
images = images - images.mean()


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ELU(), nn.Linear(64, 20))
        self.decoder = nn.Sequential(nn.Linear(20, 64), nn.ELU(), nn.Linear(64, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = Denoiser()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
warmup = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: min(1.0, (step + 1) / args.warmup_steps)
)
criterion = nn.MSELoss()
for epoch in range(14):
    losses = []
    for rows in torch.randperm(1797).split(60):
        x = images[rows]
        loss = criterion(model(x + 0.2 * torch.randn_like(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warmup.step()
        losses.append(loss.item())
    mean = sum(losses) / len(losses)
    print(
        f"epoch {epoch} lr {warmup.get_last_lr()[0]:.1e} mse {mean:.4f} var {images.var().item():.4f}"
    )
