"""How fast rented GPUs are, roughly: to rank them, and to say about how long a training takes."""

from __future__ import annotations

_PEAK = {
    "NVIDIA B300 SXM6 AC": 2250, "NVIDIA B200": 2250,
    "NVIDIA H200": 989, "NVIDIA H200 NVL": 835,
    "NVIDIA H100 80GB HBM3": 989, "NVIDIA H100 NVL": 835, "NVIDIA H100 PCIe": 756,
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": 500,
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": 500,
    "NVIDIA A100-SXM4-80GB": 312, "NVIDIA A100 80GB PCIe": 312,
    "NVIDIA RTX 6000 Ada Generation": 364, "NVIDIA L40S": 362, "NVIDIA L40": 181,
    "NVIDIA GeForce RTX 5090": 210, "NVIDIA GeForce RTX 4090": 165,
    "NVIDIA A40": 150, "NVIDIA RTX A6000": 155, "NVIDIA L4": 121, "NVIDIA RTX A5000": 111,
    "NVIDIA GeForce RTX 3090": 71, "NVIDIA RTX A4500": 95, "NVIDIA RTX A4000": 77,
    "NVIDIA GeForce RTX 4080 SUPER": 104, "NVIDIA RTX 2000 Ada Generation": 48,
    "NVIDIA RTX A2000": 32,
}  # fmt: skip
"""Peak of dense bfloat16 multiplications with sums in float32, in 10^12 operations a second, from
NVIDIA's data sheets and architecture papers, rounded: for a rank and a rough time, no more."""

_USED = 0.3
"""The share of the peak that fine-tuning reaches. Published trainings reach 0.3 to 0.5 of it on
large models; small batches and 4-bit weights reach less, so a time is "about"."""


def peak_tflops(gpu: str) -> float:
    """The GPU type's peak in 10^12 operations a second; 0 where it is not known here."""
    return float(_PEAK.get(gpu, 0))


def training_seconds(
    gpu: str, parameters: int, tokens: int, *, full: bool, count: int = 1
) -> float | None:
    """About how long it takes to train on ``tokens`` tokens in all; None for an unknown GPU.

    Two operations per parameter and token forwards and twice that backwards; an adapter needs no
    gradients of the frozen weights, which is a third of the whole. Activations are computed again
    in the backward pass, one more time forwards (gradient checkpointing).
    """
    peak = peak_tflops(gpu)
    if not peak or parameters <= 0 or tokens <= 0:
        return None
    per_token = parameters * (8 if full else 6)
    return per_token * tokens / (peak * 1e12 * _USED * max(1, count))
