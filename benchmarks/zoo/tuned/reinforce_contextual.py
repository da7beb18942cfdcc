"""REINFORCE with a moving baseline on a contextual bandit of six arms."""

import argparse

import torch
from torch import nn
from torch.distributions import Categorical

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

ARMS, CONTEXT = 6, 8
TRUE = torch.randn(CONTEXT, ARMS)


def pull(context, arm):
    best = (context @ TRUE).argmax(1)
    return (arm == best).float() + 0.1 * torch.randn(len(arm))


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(CONTEXT, 64)
        self.logits = nn.Linear(64, ARMS)

    def forward(self, context):
        return Categorical(logits=self.logits(torch.tanh(self.body(context))))


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
baseline = 0.0
for update in range(1, 501):
    context = torch.randn(64, CONTEXT)
    dist = policy(context)
    arm = dist.sample()
    reward = pull(context, arm)
    advantage = reward - baseline
    loss = -(dist.log_prob(arm) * advantage).mean() - 0.01 * dist.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    baseline = 0.95 * baseline + 0.05 * reward.mean().item()
    if update % 100 == 0:
        print(f"update {update}: loss {loss.item():+.4f} mean reward {baseline:.3f}")
