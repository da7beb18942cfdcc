"""Deep Q-learning in a corridor of 8 cells: walk to the right end. Replay, target network."""

import argparse
import random
from collections import deque

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

LENGTH, GAMMA = 8, 0.9


class Corridor:
    def reset(self):
        self.pos, self.t = 0, 0
        return self.observe()

    def observe(self):
        return F.one_hot(torch.tensor(self.pos), LENGTH).float()

    def step(self, action):
        self.t += 1
        self.pos = max(0, self.pos - 1) if action == 0 else self.pos + 1
        done = self.pos == LENGTH - 1
        return self.observe(), (1.0 if done else -0.01), done, self.t >= 40


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(LENGTH, 32)
        self.fc2 = nn.Linear(32, 32)
        self.q = nn.Linear(32, 2)

    def forward(self, s):
        return self.q(F.relu(self.fc2(F.relu(self.fc1(s)))))


def optimize(policy, target, memory, opt):
    s, a, r, s2, done = zip(*random.sample(memory, 32), strict=True)
    q = policy(torch.stack(s)).gather(1, torch.tensor(a).unsqueeze(1)).squeeze(1)
    best = target(torch.stack(s2)).max(1).values.detach()
    goal = torch.tensor(r) + GAMMA * best * (1 - torch.tensor(done).float())
    loss = F.smooth_l1_loss(q, goal)
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy.parameters(), 100)
    opt.step()


def main(seed):
    torch.manual_seed(seed)
    random.seed(seed)
    env, policy, target = Corridor(), QNet(), QNet()
    target.load_state_dict(policy.state_dict())
    opt = torch.optim.RMSprop(policy.parameters(), lr=1e-3)
    memory, updates, lengths = deque(maxlen=2000), 0, []
    while updates < 800:
        s, over = env.reset(), False
        while not over and updates < 800:
            epsilon = max(0.1, 1 - updates / 400)
            greedy = policy(s).argmax().item() if random.random() > epsilon else None
            a = random.randrange(2) if greedy is None else greedy
            s2, r, done, timeout = env.step(a)
            memory.append((s, a, r, s2, done))
            s, over = s2, done or timeout
            if len(memory) >= 100:
                optimize(policy, target, memory, opt)
                updates += 1
                if updates % 25 == 0:
                    target.load_state_dict(policy.state_dict())
        lengths.append(env.t)
    q = policy(torch.eye(LENGTH))
    print("episode lengths", lengths[:4], "...", lengths[-6:])
    print("greedy actions", q.argmax(1)[:-1].tolist(), "Q(start)", round(q[0].max().item(), 3))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
