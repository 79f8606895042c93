"""A full fine-tune on several GPUs: each keeps a part of the weights, gradients and states (FSDP).

torch's ``fully_shard`` gathers a layer's weights when the layer is computed, and hands each process
its part of the summed gradients. Every process must compute as often as the others, so one that has
no batch left computes one that does not count. What is saved and loaded are whole tensors, as one
process writes them: a checkpoint does not tell how many made it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_image import world
from trainer_image.loss import take_the_long_way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer_image.contract import Job

OPTIMIZERS = ("auto", "adamw_torch", "sgd")
"""Those whose states have the shape of the weights, and so can be divided with them."""


def is_sharded(job: Job) -> bool:
    """Whether a job's weights are divided. Adapters are small, and each process has them all."""
    return job.hp.tuning == "full" and job.crew > 1


def shard(model: Any, job: Job) -> bool:
    """Divide a model between the processes, layer by layer, if it is to be; whether it was."""
    if world.size() == 1 or not is_sharded(job):  # a probe is alone, whatever the job
        return False
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(model.device.type, (world.size(),))
    layers = set(model._no_split_modules or ())
    for module in model.modules():
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # Our loss is divided by the units of the whole step already: gradients are summed.
            module.set_gradient_divide_factor(1.0)
            if model.device.type == "cpu":
                module.set_force_sum_reduction_for_comms(True)  # gloo does not scale
    # The head's weights are whole only while the model computes.
    take_the_long_way(model)
    return True


def whole(tensor: Any) -> Any:
    """A tensor with all its parts, in main memory; all processes must call it, one gets it."""
    from torch.distributed.tensor import DTensor

    if not isinstance(tensor, DTensor):
        return tensor
    full = tensor.full_tensor()
    return full.detach().cpu() if world.is_first() else None


def part_of(full: Any, like: Any) -> Any:
    """A whole tensor divided as another one is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor) or tuple(full.shape) != tuple(like.shape):
        return full
    full = full.to(like.device, like.dtype)
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None)


def whole_state(model: Any) -> dict[str, Any]:
    """The model's state as ``save_pretrained`` takes it; tied weights stay one tensor."""
    known: dict[int, Any] = {}
    state = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in known:
            known[id(value)] = whole(value)
        state[name] = known[id(value)]
    return state


def load_state(model: Any, folder: Path) -> None:
    """Take the weights of a checkpoint, each process its part."""
    import torch
    from safetensors import safe_open

    own = model.state_dict(keep_vars=True)
    with torch.no_grad():
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    own[name].copy_(part_of(file.get_tensor(name), own[name]))


def whole_optimizer(optimizer: Any) -> dict[str, Any]:
    """The optimiser's state as it would be in one process."""
    state: dict[str, Any] = optimizer.state_dict()
    return state | {
        "state": {
            number: {name: whole(value) for name, value in values.items()}
            for number, values in state["state"].items()
        }
    }


def divide_optimizer(optimizer: Any) -> None:
    """Give each process its part of states that were loaded whole."""
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if hasattr(value, "shape"):
                values[name] = part_of(value, parameter)


def _join(model: Any) -> None:
    from torch import nn
    from torch.distributed.fsdp import FSDPModule

    known: dict[int, Any] = {}
    for module, name, parameter in [*_parameters(model)]:
        if id(parameter) not in known:
            known[id(parameter)] = whole(parameter)
        full = known[id(parameter)]
        if full is not None:
            module._parameters[name] = nn.Parameter(full, requires_grad=False)
    for module in model.modules():
        if isinstance(module, FSDPModule):  # a class of its own, made of it and of the layer's
            module.__class__ = type(module).__bases__[1]


def _parameters(model: Any) -> Iterator[tuple[Any, str, Any]]:
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                yield module, name, parameter


class Sharded:
    """The part of a trainer that saves and loads whole what is divided; before transformers'."""

    model: Any
    optimizer: Any
    lr_scheduler: Any
    is_sharded = False
    _whole: tuple[dict[str, Any], dict[str, Any]]

    def join(self) -> None:
        """Make the first process's model whole again, to be saved; the others are done with it."""
        if self.is_sharded:
            _join(self.model)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.is_sharded:
            self._whole = whole_state(self.model), whole_optimizer(self.optimizer)
        super()._save_checkpoint(model, trial)  # type: ignore[misc]
        self._whole = {}, {}

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, self._whole[0] if self.is_sharded else state_dict)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_sharded:
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        import torch

        torch.save(self._whole[1], Path(output_dir, "optimizer.pt"))
        torch.save(self.lr_scheduler.state_dict(), Path(output_dir, "scheduler.pt"))

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        if self.is_sharded:
            load_state(self.model, Path(checkpoint))
        else:
            super()._load_from_checkpoint(checkpoint, model)  # type: ignore[misc]

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if self.is_sharded and checkpoint is not None:
            divide_optimizer(getattr(self.optimizer, "optimizer", self.optimizer))

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[misc]
        return norm.full_tensor() if hasattr(norm, "full_tensor") else norm
