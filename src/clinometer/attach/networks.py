"""The networks of a run: found when they are first called, and named as their owner names them.

Only weak references are kept: a model that the script drops is freed as it would be without us.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary


@dataclass
class Networks:
    """Known root modules, the names of their leaves, and the names of parameters.

    The first network's layers have their plain qualified names; those of a later one get its
    class name in front, and a number where that is taken too.
    """

    notes: list[str] = field(default_factory=list)
    _roots: list[weakref.ref[nn.Module]] = field(default_factory=list)
    _prefixes: list[str] = field(default_factory=list)
    _known: Any = field(default_factory=weakref.WeakSet)
    _parameters: Any = field(default_factory=WeakIdKeyDictionary)

    def roots(self) -> list[nn.Module]:
        """The roots that still live."""
        return [root for root in (link() for link in self._roots) if root is not None]

    def add(self, module: nn.Module) -> nn.Module | None:
        """Take a module as a root; None where it is known, part of a known one, or frozen whole."""
        root = _unwrapped(module)
        if root in self._known or not any(p.requires_grad for p in root.parameters()):
            return None
        self._known.update(root.modules())
        self._prefixes.append(self._prefix(root))
        self._roots.append(weakref.ref(root))
        self._name_parameters()
        if _is_compiled(module):
            self._known.add(module)
            self.notes.append(
                f"{type(root).__name__} is compiled: its layers were not observed, "
                "its parameters were"
            )
            return None
        return root

    def leaves(self, root: nn.Module) -> list[tuple[str, nn.Module]]:
        """(name, module) of each leaf module of a root that can be hooked."""
        if _is_compiled(root):
            return []
        prefix = self._prefix_of(root)
        return [
            (_joined(prefix, name) or type(module).__name__, module)
            for name, module in root.named_modules()
            if not any(True for _ in module.children())
            and not isinstance(module, torch.jit.ScriptModule)
        ]

    def name_of(self, parameter: torch.Tensor) -> str:
        """Qualified name of a parameter; `parameter_N` where no known network owns it."""
        if parameter not in self._parameters:
            self._name_parameters()
        if parameter not in self._parameters:
            self._parameters[parameter] = f"parameter_{len(self._parameters)}"
        return str(self._parameters[parameter])

    def find_owners(self, parameters: list[torch.Tensor]) -> None:
        """Look through all live modules for those that own these parameters, and take the roots."""
        wanted = {id(parameter) for parameter in parameters if parameter not in self._parameters}
        if not wanted:
            return
        modules = [found for found in gc.get_objects() if issubclass(type(found), nn.Module)]
        children = {id(child) for module in modules for child in module.children()}
        for module in modules:
            if id(module) not in children and wanted & {id(p) for p in module.parameters()}:
                self.add(module)

    def _prefix_of(self, root: nn.Module) -> str:
        for link, prefix in zip(self._roots, self._prefixes, strict=True):
            if link() is root:
                return prefix
        return ""

    def _prefix(self, root: nn.Module) -> str:
        if not self._roots:
            return ""
        name = type(root).__name__
        same = sum(1 for prefix in self._prefixes if prefix.rstrip("0123456789") == name)
        return name + (str(same + 1) if same else "")

    def _name_parameters(self) -> None:
        for root in self.roots():
            prefix = self._prefix_of(root)
            for name, parameter in root.named_parameters(remove_duplicate=False):
                own = name if "." in name or prefix else f"{type(root).__name__}.{name}"
                if parameter not in self._parameters:
                    self._parameters[parameter] = _joined(prefix, own)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _unwrapped(module: nn.Module) -> nn.Module:
    """The user's own module inside torch.compile's or a data-parallel wrapper."""
    inner = getattr(module, "_orig_mod", None)
    if inner is None and type(module).__name__ in {"DistributedDataParallel", "DataParallel"}:
        inner = getattr(module, "module", None)
    return _unwrapped(inner) if isinstance(inner, nn.Module) else module


def _is_compiled(module: nn.Module) -> bool:
    wrapper = type(module).__name__ == "OptimizedModule"
    return wrapper or getattr(module, "_compiled_call_impl", None) is not None
