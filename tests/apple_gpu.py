"""What an Apple GPU refuses, refused on the CPU: torch has neither float64 on MPS nor a kernel for every operation."""

from functools import cache
from importlib.resources import files

import torch
import yaml
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Kernels of these are made of other operations.
COMPOSITE = {"CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional"}


@cache
def operations() -> frozenset[str]:
    """Names of torch's operations that run on MPS, as ``add.Tensor``, from the list that torch is generated from."""
    text = (files("torchgen") / "packaged/ATen/native/native_functions.yaml").read_text()
    listed = {entry["func"].partition("(")[0]: entry for entry in yaml.load(text, yaml.CSafeLoader)}

    def runs(name: str) -> bool:
        entry = listed[name]
        if "structured_delegate" in entry:
            return runs(entry["structured_delegate"])
        keys = {
            key.strip() for keys in entry.get("dispatch", {"CompositeImplicitAutograd": ""}) for key in keys.split(",")
        }
        return bool(keys & {"MPS", *COMPOSITE})

    return frozenset(filter(runs, listed))


class AppleGpu(TorchDispatchMode):
    """Refuses what MPS would refuse, in the thread in which it is entered; ``seen`` are the operations that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        with self:
            found = func.decompose(*args, **kwargs)  # into what has kernels
        if found is not NotImplemented:
            return found
        found = func(*args, **kwargs)
        for value in tree_leaves((args, kwargs, found)):
            double = isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex128)
            assert not double, f"{func} with float64, which MPS has not"
        if func.namespace == "aten":  # the profiler's are not computed on a device
            name = str(func).removeprefix("aten.").removesuffix(".default")
            assert name in operations(), f"{func} has no kernel on MPS"
            self.seen.add(name)
        return found
