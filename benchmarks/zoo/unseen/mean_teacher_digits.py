"""Mean teacher: 100 labelled digits, the rest without labels, an EMA teacher."""

import argparse
import copy

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float() / 16, torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
labelled, unlabelled, test = slice(0, 100), slice(100, 1400), slice(1400, None)

student = nn.Sequential(
    nn.Linear(64, 128),
    nn.BatchNorm1d(128),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(128, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
teacher = copy.deepcopy(student)
for parameter in teacher.parameters():
    parameter.requires_grad = False

optimizer = torch.optim.AdamW(student.parameters(), lr=2e-3)
STEPS = 400


def augment(images):
    return images + 0.15 * torch.randn_like(images)


@torch.no_grad()
def update_teacher(momentum):
    for t, s in zip(teacher.parameters(), student.parameters(), strict=True):
        t.mul_(momentum).add_(s, alpha=1 - momentum)


for step in range(1, STEPS + 1):
    pick = torch.randint(100, (32,))
    xl, yl = x[labelled][pick], y[labelled][pick]
    xu = x[unlabelled][torch.randint(1300, (96,))]
    both = torch.cat([xl, xu])
    logits = student(augment(both))
    with torch.no_grad():
        goal = teacher(augment(both)).softmax(1)
    rampup = min(1.0, step / 150)
    loss = F.cross_entropy(logits[:32], yl)
    loss = loss + 2.0 * rampup * F.mse_loss(logits.softmax(1), goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_teacher(min(0.98, 1 - 1 / (step + 1)))
    if step % 80 == 0:
        teacher.eval()
        with torch.no_grad():
            acc = (teacher(x[test]).argmax(1) == y[test]).float().mean().item()
        teacher.train()
        print(f"step {step} loss {loss.item():.4f} teacher accuracy {acc:.3f}")
