"""Global state of JAX that a call must leave as it was; its random numbers have no state."""

from __future__ import annotations

from typing import Any

from harness.backends.custody import Setting, Space, Watched


def watched(jax: Any, *, closely: bool) -> Watched:
    """Return what is watched; closely where a user's own function is called."""

    def put(values: dict[str, Any]) -> None:
        for name, old in values.items():
            if jax.config.values[name] != old:
                jax.config.update(name, old)

    x64 = Setting(
        name="jax.config.jax_enable_x64",
        get=lambda: jax.config.jax_enable_x64,
        put=lambda old: jax.config.update("jax_enable_x64", old),
    )
    if not closely:
        return Watched(settings=(x64,))
    values = Setting(name="jax.config", get=lambda: dict(jax.config.values), put=put)
    return Watched(settings=(values, x64), spaces=_spaces(jax))


def _spaces(jax: Any) -> tuple[Space, ...]:
    parts = ("numpy", "nn", "lax", "random")
    return (
        Space("jax", jax),
        *(Space(f"jax.{name}", getattr(jax, name)) for name in parts if hasattr(jax, name)),
        Space("jax.numpy.linalg", jax.numpy.linalg),
    )
