"""The class is told by the first symbol of a long sequence of noise. nn.RNN does not get it."""

import argparse

import torch
from torch import nn

SEQ_LEN = 80
N_CLASSES = 4
HIDDEN = 48
BATCH = 32


class RNNClassifier(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.hidden_size = hidden_size
        self.rnn = nn.RNN(input_size, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(1, x.size(0), self.hidden_size)
        out, _ = self.rnn(x, h0)
        return self.fc(out[:, -1, :])


def get_batch():
    label = torch.randint(N_CLASSES, (BATCH,))
    x = torch.zeros(BATCH, SEQ_LEN, N_CLASSES + 2)
    x[torch.arange(BATCH), 0, label] = 2.0
    x[:, 1:, N_CLASSES:] = torch.randn(BATCH, SEQ_LEN - 1, 2)
    return x, label


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    model = RNNClassifier(N_CLASSES + 2, HIDDEN, N_CLASSES)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    running, correct = 0.0, 0
    for i in range(1, 401):
        x, label = get_batch()
        scores = model(x)
        loss = loss_fn(scores, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        correct += (scores.argmax(1) == label).sum().item()
        if i % 80 == 0:
            print(f"iteration {i}: loss {running / 80:.4f} accuracy {correct / 80 / BATCH:.3f}")
            running, correct = 0.0, 0


if __name__ == "__main__":
    main()
