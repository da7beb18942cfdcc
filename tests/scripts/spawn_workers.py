"""A spawned loader worker, which imports this script anew; the data set is a class of it."""

# Optimizer steps: 8

import torch
from digest import seed, tell
from torch import nn
from torch.utils.data import DataLoader, Dataset, get_worker_info


class Ramp(Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, i):
        assert get_worker_info() is not None
        return torch.full((3,), i / 32) + torch.randn(3), torch.tensor([i / 32])


def main():
    seed()
    model = nn.Sequential(nn.Linear(3, 8), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(8, 1))
    optimizer = torch.optim.ASGD(model.parameters(), lr=1e-2)
    loader = DataLoader(
        Ramp(), batch_size=4, shuffle=True, num_workers=1, multiprocessing_context="spawn"
    )
    losses = []
    for inputs, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.huber_loss(model(inputs), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tell(losses, model, optimizer)


print("imported as", "__main__" if __name__ == "__main__" else "a worker")
if __name__ == "__main__":
    main()
