"""DQN on a corridor: walk to the right end for +1, each step costs a little."""

import argparse
import random
from collections import deque

import torch
from torch import nn

LENGTH = 8


def one_hot(s):
    v = torch.zeros(LENGTH)
    v[s] = 1.0
    return v


def env_step(s, action):
    s = max(0, s - 1) if action == 0 else s + 1
    done = s == LENGTH - 1
    return s, (1.0 if done else -0.02), done


def make_q():
    return nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    random.seed(seed)
    torch.manual_seed(seed)
    online, target = make_q(), make_q()
    target.load_state_dict(online.state_dict())
    for p in target.parameters():
        p.requires_grad_(False)
    opt = torch.optim.Adam(online.parameters(), lr=3e-3)
    memory = deque(maxlen=2000)
    s, t, eps = 0, 0, 1.0
    returns, ret = [], 0.0
    updates = 0
    while updates < 700:
        if random.random() < eps:
            action = random.randrange(2)
        else:
            with torch.no_grad():
                action = online(one_hot(s)).argmax().item()
        nxt, reward, done = env_step(s, action)
        memory.append((one_hot(s), action, reward, one_hot(nxt), float(done)))
        ret, t, s = ret + reward, t + 1, nxt
        if done or t > 40:
            returns.append(ret)
            s, t, ret = 0, 0, 0.0
        eps = max(0.05, eps * 0.995)
        if len(memory) < 64:
            continue
        obs, act, rew, nobs, end = zip(*random.sample(memory, 32), strict=True)
        q = online(torch.stack(obs)).gather(1, torch.tensor(act)[:, None]).squeeze(1)
        with torch.no_grad():
            best = target(torch.stack(nobs)).max(1).values
            goal = torch.tensor(rew) + 0.95 * (1 - torch.tensor(end)) * best
        loss = nn.functional.smooth_l1_loss(q, goal)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(online.parameters(), 10.0)
        opt.step()
        updates += 1
        if updates % 100 == 0:
            target.load_state_dict(online.state_dict())
            recent = returns[-10:]
            print(f"{updates} td {loss.item():.4f} return {sum(recent) / max(1, len(recent)):.2f}")


if __name__ == "__main__":
    main()
