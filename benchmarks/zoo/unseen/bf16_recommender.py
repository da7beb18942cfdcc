"""Matrix factorisation for ratings, stored in bfloat16 because the tables are big."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

N_USERS, N_ITEMS, DIM, RATINGS = 150, 120, 32, 12000


class MatrixFactorisation(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(N_USERS, DIM)
        self.item = nn.Embedding(N_ITEMS, DIM)

    def forward(self, u, i):
        return (self.user(u) * self.item(i)).sum(-1) / DIM**0.5


# true tastes have four dimensions
taste = torch.randn(N_USERS, 4)
style = torch.randn(N_ITEMS, 4)
users = torch.randint(N_USERS, (RATINGS,))
items = torch.randint(N_ITEMS, (RATINGS,))
ratings = (taste[users] * style[items]).sum(-1) / 2 + 0.1 * torch.randn(RATINGS)

model = MatrixFactorisation()
model = model.to(torch.bfloat16)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_fn = nn.MSELoss()
batch_size = 256

for epoch in range(15):
    order = torch.randperm(RATINGS)
    seen = 0.0
    for start in range(0, RATINGS - batch_size, batch_size):
        pick = order[start : start + batch_size]
        pred = model(users[pick], items[pick])
        loss = loss_fn(pred.float(), ratings[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += loss.item() * batch_size
    print(f"epoch {epoch}: mse {seen / RATINGS:.4f}   (variance {ratings.var():.4f})")
