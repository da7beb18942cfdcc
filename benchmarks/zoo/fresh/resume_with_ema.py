"""Preempted and resumed: model, optimizer, scheduler and EMA come back from a checkpoint in memory."""

import argparse
import io

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn


class EMA:
    def __init__(self, model, decay=0.98):
        self.decay = decay
        self.shadow = {k: v.clone() for k, v in model.state_dict().items()}

    def update(self, model):
        for k, v in model.state_dict().items():
            self.shadow[k].lerp_(v, 1 - self.decay)


def build():
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3), nn.ELU(), nn.Conv2d(16, 24, 3), nn.ELU(),
        nn.Flatten(), nn.Linear(24 * 16, 10),
    )  # fmt: skip
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)
    return model, opt, sched


def run_epochs(parts, ema, data, epochs):
    model, opt, sched = parts
    x, y, xv, yv = data
    for epoch in epochs:
        model.train()
        for rows in torch.randperm(len(x)).split(50):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            ema.update(model)
        sched.step()
        model.eval()
        with torch.no_grad():
            raw = F.cross_entropy(model(xv), yv).item()
            smooth = torch.func.functional_call(model, ema.shadow, (xv,))
        acc = (smooth.argmax(1) == yv).float().mean().item()
        print(
            f"epoch {epoch} val {raw:.4f} ema {F.cross_entropy(smooth, yv).item():.4f} acc {acc:.3f}"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x))
    x, y = torch.tensor(x / 16, dtype=torch.float32)[order], torch.tensor(y)[order]
    data = x[:1250], y[:1250], x[1250:], y[1250:]
    parts = build()
    ema = EMA(parts[0])
    run_epochs(parts, ema, data, range(5))
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in parts], buffer)

    buffer.seek(0)
    resumed = build()
    for part, state in zip(resumed, torch.load(buffer), strict=True):
        part.load_state_dict(state)
    print("resumed")
    run_epochs(resumed, ema, data, range(5, 10))


if __name__ == "__main__":
    main()
