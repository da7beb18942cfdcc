"""A pre-norm encoder with a causal mask, and one attention layer written by hand."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn
from torch.nn import functional as F  # noqa: N812


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.project, self.out = (
            heads,
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )

    def forward(self, x):
        q, k, v = self.project(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, dropout_p=0.1 * self.training
        )
        return x + self.out(mixed.transpose(1, 2).flatten(2))


class Language(nn.Module):
    def __init__(self, words=30, width=32):
        super().__init__()
        self.embed, self.place = nn.Embedding(words, width), nn.Parameter(torch.zeros(16, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 64, 0.1, "gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, 2, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.attention, self.head = Attention(width, 4), nn.Linear(width, words)

    def forward(self, text):
        mask = nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        x = self.encoder(self.embed(text) + self.place, mask=mask, is_causal=True)
        return self.head(self.attention(x))


seed()
text = torch.randint(30, (10, 8, 17))
model = Language()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
losses = []

for batch in text:
    logits = model(batch[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

model.eval()
with torch.no_grad():
    print(model(text[0, :, :-1]).sum().item().hex())
tell(losses, model, optimizer)
