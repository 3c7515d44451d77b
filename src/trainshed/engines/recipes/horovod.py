"""Horovod, built from the registry's source archive with gloo and without MPI.

``recipe.build_variables`` says what to build: ``HOROVOD_VERSION``, Horovod's own switches
(``HOROVOD_WITH_PYTORCH=1`` …), ``CXX_STANDARD=17`` where the framework's headers want a later
standard than Horovod asks for, and ``XLA_TENSORFLOW_VERSION`` for a TensorFlow whose XLA is too
new for Horovod's XLA operations, which are then left out. A wheel that was built once is kept.

Two things of today's systems are put right for these old sources: headers that GCC no longer
includes by itself, and gloo's check of the kernel's version, which trips over new kernel headers.
"""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Generator
from pathlib import Path

from trainshed.engines.builder import Site
from trainshed.engines.recipes.wheels import built_wheel, write_program

_BUILD_TOOLS = ("pip<24.1", "setuptools<69", "wheel<0.43", "cmake<4")
_CXXFLAGS = "-include array -include cstdint -include stdexcept -include limits"
_VERSION_H = """\
/* gloo compares the kernel's version with one that its sources knew. */
#include_next <linux/version.h>
#undef LINUX_VERSION_CODE
#define LINUX_VERSION_CODE 0x040500
"""
_CXX = """\
    #!/bin/sh
    # The C++ compiler, with a later standard than Horovod's build asks for.
    xla=
    for argument do
        shift
        case "$argument" in
        *xla_mpi_ops.cc) xla=yes ;;
        esac
        case "$argument" in
        -g) continue ;; # nobody debugs it here, and it makes the compiler slow
        -std=*++11 | -std=*++14) [ -n "$CXX_STANDARD" ] && argument="${argument%++*}++$CXX_STANDARD" ;;
        esac
        set -- "$@" "$argument"
    done
    if [ -n "$xla" ] && [ -n "$XLA_TENSORFLOW_VERSION" ]; then
        set -- "$@" -UTENSORFLOW_VERSION "-DTENSORFLOW_VERSION=$XLA_TENSORFLOW_VERSION"
    fi
    exec g++ "$@"
    """
_CMAKE = """\
    #!/bin/sh
    # cmake, with as many compilers at once as there are cores instead of eight.
    for argument do
        shift
        case "$argument" in
        -j8) argument=-j{jobs} ;;
        esac
        set -- "$@" "$argument"
    done
    exec '{cmake}' "$@"
    """


def run(site: Site) -> dict[str, str]:
    """Build Horovod (or take the wheel that an earlier build left) and install it."""
    version = site.recipe.build_variables["HOROVOD_VERSION"]
    site.install(*_BUILD_TOOLS, start=40, end=45)
    with _without_cuda(site):
        wheel = built_wheel(site, f"horovod=={version}", _environment(site))
    site.install("--no-deps", str(wheel), start=86, end=89)
    return {}


@contextlib.contextmanager
def _without_cuda(site: Site) -> Generator[None]:
    """While Horovod is built for the CPU, let a PyTorch for CUDA say that it has none.

    Otherwise the build takes up whatever CUDA toolkit the machine has. The file is replaced and
    put back, never written to: it is a hard link into uv's cache.
    """
    found = list(site.folder.glob("lib/python3*/site-packages/torch/version.py"))
    if site.gpu or not found:
        yield
        return
    kept = found[0].with_suffix(".kept")
    text = found[0].read_text(encoding="utf-8")
    found[0].rename(kept)
    found[0].write_text(text + "\ncuda = None\n", encoding="utf-8")
    try:
        yield
    finally:
        kept.replace(found[0])


def _environment(site: Site) -> dict[str, str]:
    tools = site.folder / "build-tools"
    include = tools / "include" / "linux"
    include.mkdir(parents=True, exist_ok=True)
    (include / "version.h").write_text(_VERSION_H, encoding="utf-8")
    cmake = _CMAKE.format(jobs=os.cpu_count() or 1, cmake=site.folder / "bin" / "cmake")
    return site.environ(
        HOROVOD_WITH_GLOO="1",
        HOROVOD_WITHOUT_MPI="1",
        HOROVOD_WITHOUT_MXNET="1",
        CXXFLAGS=_CXXFLAGS,
        CPLUS_INCLUDE_PATH=str(tools / "include"),
        CXX=_program(tools / "cxx", _CXX),
        HOROVOD_CMAKE=_program(tools / "cmake", cmake),
    )


def _program(path: Path, text: str) -> str:
    return str(write_program(path, textwrap.dedent(text)))
