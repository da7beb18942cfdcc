"""DQN with a target network and a replay memory on a short corridor."""

import argparse
import random
from collections import deque

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Corridor:
    """Walk right to the treasure; ten cells, one move per step, at most 25 steps."""

    size = 8

    def reset(self):
        self.pos, self.t = 0, 0
        return self.state()

    def state(self):
        return F.one_hot(torch.tensor(self.pos), self.size).float()

    def step(self, action):
        self.t += 1
        self.pos = max(0, self.pos + (1 if action == 1 else -1))
        won = self.pos == self.size - 1
        return self.state(), 1.0 if won else -0.02, won, won or self.t >= 25


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, s):
        return self.net(s)


def learn(q, target, opt, memory, gamma=0.9):
    s, a, r, s2, end = zip(*random.sample(memory, 32), strict=True)
    s, s2 = torch.stack(s), torch.stack(s2)
    a, r, end = torch.tensor(a), torch.tensor(r), torch.tensor(end).float()
    with torch.no_grad():
        goal = r + gamma * (1 - end) * target(s2).max(1).values
    loss = F.smooth_l1_loss(q(s).gather(1, a[:, None]).squeeze(1), goal)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def main(seed):
    torch.manual_seed(seed)
    random.seed(seed)
    env, q, target = Corridor(), QNet(), QNet()
    target.load_state_dict(q.state_dict())
    opt = torch.optim.RMSprop(q.parameters(), lr=2e-3)
    memory, returns, step = deque(maxlen=2000), [], 0
    s, total = env.reset(), 0.0
    while step < 700:
        eps = max(0.05, 1 - step / 400)
        with torch.no_grad():
            a = random.randrange(2) if random.random() < eps else int(q(s).argmax())
        s2, r, won, over = env.step(a)
        memory.append((s, a, r, s2, won))
        s, total = s2, total + r
        if over:
            returns.append(total)
            s, total = env.reset(), 0.0
        if len(memory) >= 64:
            loss = learn(q, target, opt, memory)
            step += 1
            if step % 25 == 0:
                target.load_state_dict(q.state_dict())
            if step % 175 == 0:
                recent = returns[-5:]
                print(f"step {step} loss {loss:.4f} return {sum(recent) / len(recent):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
