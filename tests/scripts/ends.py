"""Trains three steps, and then leaves in the way that its argument names."""

import atexit
import os
import signal
import sys
import threading
import time

import torch
from digest import seed, tell
from torch import nn


class Faulty(nn.Linear):
    def forward(self, x):
        if len(losses) == 3 and sys.argv[1] == "in forward":
            raise ArithmeticError("the model's own")
        return super().forward(x)


def fail(gradient):
    if len(losses) == 3 and sys.argv[1] == "in backward":
        raise ArithmeticError("the hook's own")


def train(steps):
    for _ in range(steps):
        optimizer.zero_grad()
        out = model(torch.randn(8, 4))
        out.register_hook(fail)
        loss = out.square().mean()
        loss.backward()
        optimizer.step(closure if len(losses) == 3 and sys.argv[1] == "in step" else None)
        losses.append(loss.item())


def closure():
    raise ArithmeticError("the closure's own")


def chained():
    try:
        train("three")
    except TypeError as error:
        raise RuntimeError("of its own") from error


seed()
losses, model = [], nn.Sequential(Faulty(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
atexit.register(lambda: print("at exit", len(losses), flush=True))
train(3)
tell(losses, model, optimizer)
sys.stdout.flush()

match sys.argv[1]:
    case "exception":
        raise ValueError("of its own\nin two lines")
    case "in forward" | "in backward" | "in step":
        train(1)
    case "chained":
        chained()
    case "exit 3":
        sys.exit(3)
    case "exit text":
        sys.exit("told at the end")
    case "exception in thread":
        threading.Thread(target=train, args=("three",), name="worker").start()
    case "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    case "interrupt caught":
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            train(1)
    case "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    case "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    case "_exit":
        os._exit(7)
    case "at exit":
        atexit.register(tell, losses, model, optimizer)
        atexit.register(train, 2)
    case "excepthook":
        sys.excepthook = lambda kind, error, trace: print(
            kind, error, trace.tb_lineno, trace.tb_next
        )
        raise ValueError("for the hook")
    case "excepthook fails":
        sys.excepthook = lambda *_: 1 / 0
        raise ValueError("for the hook")
    case "thread":
        threading.Thread(target=lambda: (time.sleep(0.3), train(3), tell(losses, model))).start()
    case "daemon":
        threading.Thread(target=lambda: (train(2), time.sleep(60)), daemon=True).start()
        while len(losses) < 5:
            time.sleep(0.01)
    case "logging":
        import logging

        logging.basicConfig(format="%(filename)s %(lineno)d %(funcName)s %(message)s")
        try:
            train("three")
        except TypeError:
            logging.exception("caught")
