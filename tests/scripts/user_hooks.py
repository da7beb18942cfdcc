"""The user's own hooks: they count, they change inputs, outputs and gradients, and they stay."""

# Optimizer steps: 10

import torch
from digest import seed, tell
from torch import nn

seed()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
seen, steps = [], []


def entering(module, inputs):
    return (inputs[0] * 0.5,)


def leaving(module, inputs, out):
    out.register_hook(lambda gradient: gradient * 2)
    return out + 1


def backwards(module, grad_inputs, grad_outputs):
    seen.append(grad_outputs[0].norm().item())
    return tuple(g if g is None else g * 0.9 for g in grad_inputs)


def halve(parameter):
    parameter.grad.mul_(0.5)


model[2].register_forward_pre_hook(entering)
model[2].register_forward_hook(leaving)
model[2].register_full_backward_hook(backwards)
model[4].register_full_backward_pre_hook(lambda module, gradients: seen.append(len(gradients)))
model[0].weight.register_hook(lambda gradient: gradient.clamp(-0.1, 0.1))
model[0].bias.register_post_accumulate_grad_hook(halve)
optimizer.register_step_post_hook(lambda *_: steps.append(len(seen)))
everywhere = nn.modules.module.register_module_forward_hook(
    lambda module, *_: seen.append(type(module).__name__)
)
losses = []

for step in range(10):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(torch.randn(16, 6)), torch.randint(2, (16,)))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step == 5:
        everywhere.remove()

kinds = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")
tell([*losses, *(x for x in seen if isinstance(x, float))], model, optimizer)
print(len(seen), steps, [len(getattr(model[2], kind)) > 0 for kind in kinds])
