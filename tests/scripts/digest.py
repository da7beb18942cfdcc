"""What a training run leaves behind, to the last bit: printed at the end of every script here."""

import hashlib
import io
import pickle
import random

import numpy as np
import torch


def seed(number=0):
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002  (the stream that scripts share)
    torch.manual_seed(number)


def tell(losses, *trained):
    """Print losses, and of every model and optimizer its bits; then the random streams."""
    print("losses", *(float(loss).hex() for loss in losses))
    for thing in trained:
        if isinstance(thing, torch.nn.Module):
            tell_model(thing)
        elif isinstance(thing, torch.optim.Optimizer):
            print(type(thing).__name__, checksum(thing.state_dict()), *sorted(vars(thing)))
        else:
            print("other", checksum(thing))
    print("torch rng", checksum(torch.get_rng_state()))
    print("numpy rng", checksum(np.random.get_state()))  # noqa: NPY002
    print("python rng", checksum(random.getstate()))
    print("modes", torch.is_grad_enabled(), torch.get_num_threads(), torch.is_anomaly_enabled())


def tell_model(model):
    print("keys", *model.state_dict())
    print("weights and buffers", checksum({**model.state_dict()}))
    print("gradients", checksum([parameter.grad for parameter in model.parameters()]))
    for module in model.modules():
        print(" ", type(module).__name__, module.training, *sorted(vars(module)))
    for name, parameter in model.named_parameters():
        print(" ", name, parameter.requires_grad, *sorted(vars(parameter)))


def checksum(thing):
    parts = hashlib.sha256()
    for part in raw(thing):
        parts.update(part)
    return parts.hexdigest()


def raw(thing):
    """Every byte of a nested thing, with the dtype and shape of its tensors."""
    if isinstance(thing, torch.Tensor):
        yield f"{thing.dtype} {tuple(thing.shape)}".encode()
        yield from raw_values(thing.detach())
    elif isinstance(thing, dict):
        yield from raw([*thing.items()])
    elif isinstance(thing, list | tuple):
        yield f"{len(thing)} things".encode()
        for part in thing:
            yield from raw(part)
    else:
        yield repr(thing).encode()


def raw_values(tensor):
    if tensor.is_sparse:
        whole = tensor.coalesce()
        yield from raw([whole.indices(), whole.values()])
    else:
        plain = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        yield plain.contiguous().flatten().view(torch.uint8).numpy().tobytes()


class ByContent(pickle.Pickler):
    """Plain pickles name a storage by its address, which no two runs share; here by what it holds."""

    def persistent_id(self, thing):
        if not isinstance(thing, torch.TypedStorage | torch.UntypedStorage):
            return None
        untyped = getattr(thing, "_untyped_storage", thing)
        return hashlib.sha256(bytes(untyped)).digest()


def pickled(thing):
    pickle.dumps(thing)  # it can be, as it is
    buffer = io.BytesIO()
    ByContent(buffer).dump(thing)
    return buffer.getvalue()
