"""mpi4py from source, for Pythons that it has no wheel for, bound to the environment's own MPI.

``recipe.build_variables``: ``MPI4PY_VERSION``, and ``CUDA_STAND_INS=1`` where the recipe's other
packages need those too (see ``cuda_stand_ins``).
"""

from __future__ import annotations

from trainshed.engines.builder import Site
from trainshed.engines.recipes import cuda_stand_ins
from trainshed.engines.recipes.wheels import built_wheel

_BUILD_TOOLS = ("pip<24.1", "setuptools<69", "wheel<0.43", "cython<3.1")


def run(site: Site) -> dict[str, str]:
    """Build mpi4py (or take the wheel that an earlier build left) and install it."""
    site.install(*_BUILD_TOOLS, start=40, end=45)
    env = site.environ(MPICC=str(site.folder / "bin" / "mpicc"), CFLAGS="-O1 -g0")
    wheel = built_wheel(site, f"mpi4py=={site.recipe.build_variables['MPI4PY_VERSION']}", env)
    site.install("--no-deps", str(wheel), start=86, end=88)
    return cuda_stand_ins.run(site) if site.recipe.build_variables.get("CUDA_STAND_INS") else {}
