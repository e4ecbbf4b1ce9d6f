"""How a function becomes a component: our image, no kfp of another version, pip only when asked for."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from katib_kfp import __version__

IMAGE = f"katib-kfp/katib-kfp:{__version__}-python3.11"
"""Used on clusters; ``python`` in its tag tells kfp.local that it is a Python image."""


def build(
    function: Callable[..., Any],
    *,
    image: str = IMAGE,
    pip: bool = False,
    packages: tuple[str, ...] = (),
    pip_index_urls: tuple[str, ...] = (),
) -> Any:
    """Return the component of a function.

    Args:
        function: A component function of this package.
        image: Its base image.
        pip: Whether each task installs the published katib-kfp of this version first; for images that lack it.
        packages: Further packages to install.
        pip_index_urls: Where pip looks for them.
    """
    pinned = [f"katib-kfp=={__version__}"] if pip else []
    return dsl.component(
        function,
        base_image=image,
        install_kfp_package=False,
        packages_to_install=[*pinned, *packages] or None,
        pip_index_urls=list(pip_index_urls) or None,
    )
