"""House prices in dollars from a dozen standardised features. MSE is astronomic."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

n = 2000
features = torch.randn(n, 12)
weights = torch.randn(12, 1)
price = 250_000 + 40_000 * (features @ weights) / weights.norm()
price = price + 25_000 * torch.tanh(features[:, :1] * features[:, 1:2]) + 5_000 * torch.randn(n, 1)

dataset = TensorDataset(features, price)
train_set, valid_set = random_split(dataset, [1600, 400])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
valid_loader = DataLoader(valid_set, batch_size=200)


class PriceModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(12, 64),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(64, 32),
            nn.ReLU(),
        )
        self.price = nn.Linear(32, 1)

    def forward(self, x):
        return self.price(self.body(x))


model = PriceModel()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(1, 21):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss_fn(model(xb), yb).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        se = sum(((model(xb) - yb) ** 2).sum().item() for xb, yb in valid_loader)
    if epoch % 4 == 0:
        rmse = (se / len(valid_set)) ** 0.5
        print(f"epoch {epoch}: validation RMSE {rmse:,.0f} $ (spread of prices {price.std():,.0f})")
