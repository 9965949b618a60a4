"""Global state of TensorFlow that a call must leave as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from harness.backends.custody import Setting, Space, Watched
from harness.conduct import Foreign

DEPARTED = "On the way to the value a NumPy function, or .numpy(), takes a tensor out of TensorFlow"


def watched(tf: Any, *, closely: bool) -> Watched:
    """Return what is watched; closely where a user's own function is called."""
    if not closely:
        return Watched(settings=_settings(tf))
    return Watched(settings=(*_settings(tf), _floatx()), random=_random(), spaces=_spaces(tf))


def _settings(tf: Any) -> tuple[Setting, ...]:
    config = tf.config
    return (
        Setting(
            name="tf.config.functions_run_eagerly()",
            get=config.functions_run_eagerly,
            put=config.run_functions_eagerly,
        ),
        Setting(name="tf.executing_eagerly()", get=tf.executing_eagerly),
        Setting(
            name="tf.config.get_soft_device_placement()",
            get=config.get_soft_device_placement,
            put=config.set_soft_device_placement,
        ),
        Setting(name="tf.config.optimizer.get_jit()", get=config.optimizer.get_jit, put=config.optimizer.set_jit),
        Setting(
            name="tf.config.experimental.tensor_float_32_execution_enabled()",
            get=config.experimental.tensor_float_32_execution_enabled,
            put=config.experimental.enable_tensor_float_32_execution,
        ),
        Setting(name="NumPy behaviour of tf.Tensor", get=lambda: hasattr(tf.Tensor, "ravel")),
    )


def _floatx() -> Setting:
    """Return the setting of Keras, which is not loaded for it."""

    def put(old: str) -> None:
        if (keras := _keras()) is not None:
            keras.config.set_floatx(old)

    def get() -> str:
        return "float32" if (keras := _keras()) is None else str(keras.config.floatx())

    return Setting(name="keras.config.floatx()", get=get, put=put, imports=True)


def _keras() -> Any:
    return sys.modules.get("keras")


def _random() -> tuple[Setting, ...]:
    """Return the global seed and the generator that operations are seeded from; kernels without a seed have neither."""
    context: Any = sys.modules["tensorflow.python.eager.context"].context()

    def get() -> tuple[Any, Any]:
        generator = getattr(context, "_rng", None)
        return context._seed, generator.getstate() if generator is not None else None

    def put(state: tuple[Any, Any]) -> None:
        seed, generator = state
        context._set_global_seed(seed)
        context._seed = seed
        if generator is not None:
            context._rng.setstate(generator)
        elif hasattr(context, "_rng"):
            del context._rng

    return (Setting(name="tf.random", get=get, put=put),)


def _spaces(tf: Any) -> tuple[Space, ...]:
    parts = ("math", "nn", "linalg", "image", "signal")
    return (
        Space("tf", tf),
        Space("tf.Tensor", tf.Tensor),
        Space("tf.GradientTape", tf.GradientTape),
        *(Space(f"tf.{name}", getattr(tf, name)) for name in parts),
    )


def departed(tf: Any, cost: Callable[..., Any], native: tuple[Any, ...]) -> tuple[Foreign, ...]:
    """Return what NumPy function the cost calls on its tensors, by tracing it: on a symbolic tensor that raises."""
    try:
        tf.function(cost, autograph=False).get_concrete_function(*native)
    except Exception as error:
        said = str(error)
        if "NumPy call" in said or "attribute 'numpy'" in said:
            return (Foreign(said=DEPARTED, inside=True),)
    return ()
