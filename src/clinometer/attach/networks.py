"""The networks of a run: found when an optimizer takes their parameters, named as their owner names them.

Only weak references are kept: a model that the script drops is freed as it would be without us.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from clinometer.taps.roles import is_observed_whole

UNITS = (nn.Linear, nn.modules.conv._ConvNd)
TABLES = (nn.Embedding, nn.EmbeddingBag)
RECURRENT = (
    nn.RNNBase,
    nn.RNNCellBase,
)  # all of their weights are uniform within 1/sqrt(hidden units)
MOST_LISTED = 1024  # entries of a list that are looked through for a name


@dataclass(eq=False)
class Slot:
    """Where a module keeps a parameter; `known_as` is the first name of a tied one.

    `runs` is the module whose run uses it: the owner's own, unless that never runs by itself.
    """

    owner: weakref.ref[nn.Module]
    key: str
    name: str
    last: Any
    known_as: str
    runs: weakref.ref[nn.Module] | None = None


@dataclass
class Networks:
    """Known root modules, the names of their leaves, and the names of parameters.

    The first network's layers have their plain qualified names; those of a later one get its
    class name in front, and a number where that is taken too.
    """

    notes: list[str] = field(default_factory=list)
    compiled: Any = field(default_factory=weakref.WeakSet)
    callers: Any = field(default_factory=weakref.WeakSet)
    _roots: list[weakref.ref[nn.Module]] = field(default_factory=list)
    _prefixes: list[str] = field(default_factory=list)
    _known: Any = field(default_factory=weakref.WeakSet)
    _names: Any = field(default_factory=WeakIdKeyDictionary)
    _origins: Any = field(default_factory=WeakIdKeyDictionary)
    _aliases: dict[str, list[str]] = field(default_factory=dict)
    _slots: list[Slot] = field(default_factory=list)
    _modules: list[int] = field(default_factory=list)
    _strangers: int = 0
    parallel: str = ""
    functions_compiled: bool = False
    given: bool = False
    replicated: bool = False

    @property
    def compiling(self) -> bool:
        """Whether anything in this process was given to torch.compile."""
        return self.functions_compiled or bool(self.compiled)

    def parallel_found(self) -> None:
        """The training is data-parallel: gradients are averages over ranks."""
        self.parallel = "ddp"

    def roots(self) -> list[nn.Module]:
        """The roots that still live."""
        return [root for root in (link() for link in self._roots) if root is not None]

    def add(self, module: nn.Module) -> nn.Module | None:
        """Take a module as a root; None where it is known or part of a known one."""
        root = _unwrapped(module)
        if module is not root and type(module).__name__ == "OptimizedModule":
            self.callers.add(module)
            self.compiled.add(root)
        if root in self._known:
            return None
        self._known.update(root.modules())
        self._prefixes.append(self._prefix(root))
        self._roots.append(weakref.ref(root))
        self._name_parameters()
        return root

    def is_compiled(self, module: nn.Module) -> bool:
        """Whether calling this module runs compiled code."""
        return module in self.compiled or getattr(module, "_compiled_call_impl", None) is not None

    def leaves(self, root: nn.Module) -> list[tuple[str, nn.Module]]:
        """(name, module) of each leaf module of a root that can be hooked."""
        prefix = self._prefix_of(root)
        found: list[tuple[str, nn.Module]] = []
        self._collect(root, prefix, found)
        return found

    def _collect(self, module: nn.Module, name: str, found: list[tuple[str, nn.Module]]) -> None:
        """Depth first, in the order in which modules were registered; compiled parts are left out."""
        ahead: list[tuple[nn.Module, str]] = [(module, name)]
        seen: set[int] = set()
        while ahead:
            here, called = ahead.pop()
            if id(here) in seen or isinstance(here, torch.jit.ScriptModule):
                continue
            seen.add(id(here))
            if here is not module and self.is_compiled(here):
                continue
            children = [(child, _joined(called, key)) for key, child in here.named_children()]
            if children:
                ahead += reversed(children)
            elif not isinstance(here, nn.modules.loss._Loss) and is_observed_whole(here):
                found.append((called or type(here).__name__, here))

    def named_parameters(self) -> list[tuple[torch.Tensor, str]]:
        """(parameter, qualified name) of what the known networks hold now, each once."""
        if self._modules != self._count_modules():  # a layer was put in or exchanged
            self._name_parameters()
        found: dict[int, tuple[torch.Tensor, str]] = {}
        for slot in self._slots:
            owner = slot.owner()
            parameter = owner._parameters.get(slot.key) if owner is not None else None
            if parameter is None:
                continue
            if slot.last() is not parameter:  # replaced while we were not looking
                slot.last = weakref.ref(parameter)
                slot.known_as = self._names.setdefault(parameter, slot.name)
            if id(parameter) not in found:
                found[id(parameter)] = parameter, slot.known_as
        return list(found.values())

    def users(self) -> dict[int, list[nn.Module]]:
        """By identity of a parameter, the modules whose run uses it; none where one of them is not known."""
        found: dict[int, list[nn.Module]] = {}
        unknown: set[int] = set()
        for slot in self._slots:
            parameter = slot.last()
            module = slot.runs() if slot.runs is not None else None
            if module is None or self.replicated:
                unknown.add(id(parameter))
            else:
                found.setdefault(id(parameter), []).append(module)
        return {key: [] if key in unknown else modules for key, modules in found.items()}

    def origin(self, parameter: torch.Tensor) -> str:
        """What a parameter is: "units" of a layer, "table" of an embedding, "both" where tied, or ""."""
        return str(self._origins.get(parameter, ""))

    def is_table(self, parameter: torch.Tensor) -> bool:
        """Whether the rows of a parameter are looked up one by one."""
        return self.origin(parameter) in {"table", "both"}

    def first_trainable(self) -> torch.Tensor | None:
        """A parameter that a backward pass through the first network reaches."""
        for slot in self._slots:
            parameter = slot.last()
            if parameter is not None and parameter.requires_grad:
                return parameter  # type: ignore[no-any-return]  # a weak reference carries no type
        return None

    def name_of(self, parameter: torch.Tensor) -> str:
        """Qualified name of a parameter; the name of a global variable, or `parameter_N`, for a stray one."""
        known = self._names.get(parameter)
        if known is None:
            self._name_parameters()
            known = self._names.get(parameter)
        if known is None:
            known = self._names[parameter] = self._stray(parameter)
        return str(known)

    def aliases(self, name: str) -> list[str]:
        """Other names of a tied parameter."""
        return self._aliases.get(name, [])

    def find_owners(self, parameters: Iterable[torch.Tensor]) -> list[nn.Module]:
        """Look through all live modules for those that own these parameters; returns the new roots."""
        unnamed = [id(p) for p in parameters if self._names.get(p) is None]
        wanted = {key: place for place, key in enumerate(unnamed)}
        if not wanted:
            return []
        modules = [found for found in gc.get_objects() if issubclass(type(found), nn.Module)]
        children = {id(child) for module in modules for child in module.children()}
        tops = [module for module in modules if id(module) not in children]
        owners = [top for top in tops if any(id(p) in wanted for p in top.parameters())]
        for module in modules:
            if type(module).__name__ == "DistributedDataParallel":
                self.parallel_found()
            if type(module).__name__ == "DataParallel":  # its copies run, in threads of their own
                self.replicated |= len(getattr(module, "device_ids", ())) > 1
            if type(module).__name__ == "OptimizedModule":
                self.callers.add(module)
                self.compiled.add(_unwrapped(module))
        new = [self.add(owner) for owner in _named_first(owners, wanted)]
        return [root for root in new if root is not None]

    def _prefix_of(self, root: nn.Module) -> str:
        for link, prefix in zip(self._roots, self._prefixes, strict=True):
            if link() is root:
                return prefix
        return ""

    def _prefix(self, root: nn.Module) -> str:
        if not self._roots:
            return ""
        listed = _place_in_list(root, self._known)
        name = listed or type(root).__name__
        taken = set(self._prefixes)
        number = 2
        while name in taken:
            name = f"{listed or type(root).__name__}{number}"
            number += 1
        return name

    def _count_modules(self) -> list[int]:
        return [id(module) for root in self.roots() for module in root.modules()]

    def _name_parameters(self) -> None:
        self._slots = []
        self._modules = self._count_modules()
        taken = {name: id(parameter) for parameter, name in self._names.items()}
        for root in self.roots():
            prefix = self._prefix_of(root)
            runs: dict[str, nn.Module | None] = {}
            for path, module in root.named_modules():
                if isinstance(module, torch.jit.ScriptModule):
                    self._name_scripted(module, _joined(prefix, path))
                    continue
                runs[path] = running = _running(module, path, runs)
                for key, parameter in module._parameters.items():
                    if parameter is None:
                        continue
                    inner = _joined(path, key)
                    own = inner if path or prefix else f"{type(root).__name__}.{key}"
                    name = _joined(prefix, own)
                    self._note_origin(parameter, key, module)
                    known = self._names.get(parameter)
                    if known is None:
                        known = self._names[parameter] = _free(name, taken)
                        taken[known] = id(parameter)
                    link = weakref.ref(parameter)
                    user = weakref.ref(running) if running is not None else None
                    self._slots.append(Slot(weakref.ref(module), key, name, link, known, user))
                    if known != name and name not in self._aliases.setdefault(known, []):
                        self._aliases[known].append(name)

    def _note_origin(self, parameter: torch.Tensor, key: str, module: nn.Module) -> None:
        recurrent = isinstance(module, RECURRENT) and parameter.ndim > 1
        if not recurrent and (key != "weight" or not isinstance(module, (*UNITS, *TABLES))):
            return
        kind = "table" if isinstance(module, TABLES) else "units"
        if recurrent:
            kind = f"recurrent {module.hidden_size}"
        known = self._origins.setdefault(parameter, kind)
        if known != kind:
            self._origins[parameter] = "both"

    def _name_scripted(self, module: nn.Module, path: str) -> None:
        for name, parameter in module.named_parameters(recurse=False):
            if self._names.get(parameter) is None:
                self._names[parameter] = _joined(path, name)
        text = "TorchScript: the layers of {} were not observed, its parameters were"
        if (note := text.format(path or type(module).__name__)) not in self.notes[-8:]:
            self.notes.append(note)

    def _stray(self, parameter: torch.Tensor) -> str:
        name = _name_in(vars(sys.modules.get("__main__", sys)), parameter)
        if name:
            return name
        self._strangers += 1
        return f"parameter_{self._strangers}"


def _free(name: str, taken: Mapping[str, int]) -> str:
    """The name, numbered where a tensor has it that was there before and lives on in an optimizer."""
    if name not in taken:
        return name
    return next(f"{name}#{k}" for k in range(2, len(taken) + 3) if f"{name}#{k}" not in taken)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _running(
    module: nn.Module, path: str, above: Mapping[str, nn.Module | None]
) -> nn.Module | None:
    """The module whose run uses this one's parameters: itself, unless it is not called by itself.

    A list of parameters has no forward of its own, and attention takes its output's weights as plain tensors.
    """
    parent = above.get(path.rpartition(".")[0]) if path else None
    if isinstance(parent, nn.MultiheadAttention):
        return parent
    runs = type(module).forward is not nn.Module.forward
    return module if runs else parent


def _named_first(modules: list[nn.Module], wanted: Mapping[int, int]) -> list[nn.Module]:
    """Wrappers first, so that what they wrap is known as theirs; then what keeps others in a plain list.

    Else in the order in which the optimizer has their parameters: that of memory is the collector's.
    """
    kept = {id(one) for module in modules for _, one in _entries(vars(module))}

    def place(module: nn.Module) -> tuple[bool, bool, int]:
        first = min(wanted.get(id(p), len(wanted)) for p in module.parameters())
        return _unwrapped(module) is module, id(module) in kept, first

    return sorted(modules, key=place)


def _place_in_list(module: nn.Module, owners: Iterable[nn.Module]) -> str:
    """`layers[3]`: where a known module keeps this one in a plain list, which registers nothing.

    Else the name of the global variable that holds it, or "".
    """
    main = vars(sys.modules.get("__main__", sys))
    for space in [*(vars(owner) for owner in list(owners)), main]:
        name = _name_in(space, module)
        if name:
            return name
    return ""


def _name_in(space: Mapping[str, Any], wanted: object) -> str:
    """Name under which a namespace holds an object, by itself or in a list or dict; "" where it does not."""
    return next((name for name, one in _entries(space) if one is wanted), "")


def _entries(space: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What a namespace holds under its public names, by itself and in lists and dicts."""
    for name, value in list(space.items()):
        if name.startswith("_"):
            continue
        yield name, value
        if isinstance(value, (list, tuple)):
            pairs = list(enumerate(value[:MOST_LISTED]))
        elif isinstance(value, dict):
            pairs = list(value.items())[:MOST_LISTED]
        else:
            continue
        for key, one in pairs:
            yield f"{name}[{key}]", one


def _unwrapped(module: nn.Module) -> nn.Module:
    """The user's own module inside torch.compile's or a data-parallel wrapper."""
    inner = getattr(module, "_orig_mod", None)
    if inner is None and type(module).__name__ in {"DistributedDataParallel", "DataParallel"}:
        inner = getattr(module, "module", None)
    return _unwrapped(inner) if isinstance(inner, nn.Module) else module
