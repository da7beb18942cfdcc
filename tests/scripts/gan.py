"""Two networks, two optimizers: the generator learns through the discriminator."""

import torch
from digest import seed, tell
from torch import nn

seed()
generator = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
discriminator = nn.Sequential(
    nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(32, 1)
)
of_generator = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.999))
of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=2e-3, betas=(0.5, 0.999))
loss_of = nn.BCEWithLogitsLoss()
real, fake, losses = torch.ones(32, 1), torch.zeros(32, 1), []

for step in range(20):
    made = generator(torch.randn(32, 4))
    of_discriminator.zero_grad()
    loss_real = loss_of(discriminator(torch.randn(32, 2) + 3), real)
    loss_fake = loss_of(discriminator(made.detach()), fake)
    loss_real.backward()
    loss_fake.backward()
    of_discriminator.step()
    losses += [loss_real.item(), loss_fake.item()]
    if step % 2:  # the generator learns half as often
        of_generator.zero_grad()
        loss = loss_of(discriminator(made), real)
        loss.backward()
        of_generator.step()
        losses.append(loss.item())

tell(losses, generator, discriminator, of_generator, of_discriminator)
