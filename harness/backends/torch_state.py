"""Global state of PyTorch that a call must leave as it was."""

from __future__ import annotations

import sys
from typing import Any

from harness.backends.custody import Setting, Space, Watched


def watched(torch: Any, *, closely: bool) -> Watched:
    """Return what is watched; closely where a user's own function is called."""
    if not closely:
        return Watched(settings=_settings(torch))
    return Watched(settings=_settings(torch), random=_random(torch), spaces=_spaces(torch))


def _settings(torch: Any) -> tuple[Setting, ...]:
    return (
        Setting(name="torch.is_grad_enabled()", get=torch.is_grad_enabled, put=torch.set_grad_enabled),
        Setting(
            name="torch.is_inference_mode_enabled()",
            get=torch.is_inference_mode_enabled,
            put=lambda old: _hold(torch.inference_mode(old)),
        ),
        Setting(name="torch.get_default_dtype()", get=torch.get_default_dtype, put=torch.set_default_dtype, shown=str),
        Setting(
            name="torch.get_default_device()", get=torch.get_default_device, put=torch.set_default_device, shown=str
        ),
        Setting(name="torch.get_num_threads()", get=torch.get_num_threads, put=torch.set_num_threads),
        Setting(
            name="torch.get_deterministic_debug_mode()",
            get=torch.get_deterministic_debug_mode,
            put=torch.set_deterministic_debug_mode,
        ),
        Setting(
            name="torch.get_float32_matmul_precision()",
            get=torch.get_float32_matmul_precision,
            put=torch.set_float32_matmul_precision,
        ),
        Setting(
            name="torch.is_anomaly_enabled()",
            get=lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            put=lambda old: torch.autograd.set_detect_anomaly(*old),
        ),
        Setting(
            name='torch.is_autocast_enabled("cpu")',
            get=lambda: torch.is_autocast_enabled("cpu"),
            put=lambda old: torch.set_autocast_enabled("cpu", old),
        ),
        Setting(name="torch.set_flush_denormal", get=_flushes, put=torch.set_flush_denormal),
    )


HELD: list[Any] = []
"""Modes that were entered for good: one ends when its object is let go."""


def _hold(mode: Any) -> None:
    mode.__enter__()
    HELD.append(mode)


LEAST = [sys.float_info.min]


def _flushes() -> bool:
    """Return whether numbers below the least normal one become zero: PyTorch has no getter."""
    return LEAST[0] / 2 == 0


def _random(torch: Any) -> tuple[Setting, ...]:
    def put(state: bytes) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))

    return (Setting(name="torch.random", get=lambda: torch.get_rng_state().numpy().tobytes(), put=put),)


def _spaces(torch: Any) -> tuple[Space, ...]:
    return (
        Space("torch", torch),
        Space("torch.nn.functional", torch.nn.functional),
        Space("torch.linalg", torch.linalg),
        Space("torch.special", torch.special),
        Space("torch.autograd", torch.autograd),
        Space("torch.Tensor", torch.Tensor),
    )
