"""Stand-ins for CUDA's libraries, so that a package built for CUDA imports on a machine without.

Some old releases exist for GPUs only, though they compute on the CPU as well when told to
(``mindspore-gpu`` 1.3). All that their import lacks is symbols. This reads which ones, and makes
libraries of those names in which every function says "no device". Nothing of CUDA is copied.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from trainshed.engines.builder import Site

_LIBRARY_OF = (
    (re.compile(r"cublas"), "libcublas"),
    (re.compile(r"cudnn"), "libcudnn"),
    (re.compile(r"cufft"), "libcufft"),
    (re.compile(r"curand"), "libcurand"),
    (re.compile(r"cusolver"), "libcusolver"),
    (re.compile(r"nvrtc"), "libnvrtc"),
    (re.compile(r"nccl"), "libnccl"),
    (re.compile(r"(__)?cuda[A-Z]"), "libcudart"),
    (re.compile(r"cu[A-Z]"), "libcuda"),
)
_NO_DEVICE = 100  # cudaErrorNoDevice
_FOLDER = "stand-ins"


def run(site: Site) -> dict[str, str]:
    """Make the stand-ins that the environment's packages need; on a GPU machine, none."""
    if site.gpu:
        return {}
    libraries = sorted(site.folder.glob("lib/python3*/site-packages/**/*.so*"))
    wanted = _needed(site, libraries)
    symbols = _undefined(site, libraries)
    folder = site.folder / _FOLDER
    folder.mkdir(exist_ok=True)
    for soname in sorted(wanted):
        stem = soname.partition(".so")[0]
        _make(site, folder, soname, symbols.get(stem, {}))
    site.say(f"stand-ins for {', '.join(sorted(wanted))}", 88)
    return {"LD_LIBRARY_PATH": f"{{environment}}/{_FOLDER}"}


def _needed(site: Site, libraries: Iterable[Path]) -> set[str]:
    """Names of CUDA's libraries that these ask for."""
    stems = {stem for _, stem in _LIBRARY_OF}
    lines = _quietly(site, ["objdump", "-p", *map(str, libraries)])
    named = {line.split()[-1] for line in lines if line.strip().startswith("NEEDED")}
    return {name for name in named if name.partition(".so")[0] in stems}


def _undefined(site: Site, libraries: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Library → symbol → version (may be empty) of CUDA's functions that these ask for."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for line in _quietly(site, ["nm", "-D", "--undefined-only", *map(str, libraries)]):
        match = re.fullmatch(r"\s+U (\w+)(?:@+([\w.]+))?", line)
        if not match:
            continue
        for pattern, stem in _LIBRARY_OF:
            if pattern.match(match[1]):
                found[stem][match[1]] = match[2] or ""
                break
    return found


def _make(site: Site, folder: Path, soname: str, symbols: dict[str, str]) -> None:
    source = folder / f"{soname}.c"
    source.write_text("\n".join(map(_function, sorted(symbols))) + "\n", encoding="utf-8")
    argv = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-o", str(folder / soname), str(source)]
    argv.append(f"-Wl,-soname,{soname}")
    versions = sorted(set(symbols.values()) - {""})
    if versions:
        script = folder / f"{soname}.map"
        blocks = [
            f"{version} {{ global: {'; '.join(s for s in sorted(symbols) if symbols[s] == version)}; }};"
            for version in versions
        ]
        script.write_text("\n".join(blocks) + "\n", encoding="utf-8")
        argv.append(f"-Wl,--version-script={script}")
    site.runner.run(argv, env=site.environ())


def _function(name: str) -> str:
    if name.endswith(("ErrorString", "ErrorName")):
        return f'const char *{name}(void) {{ return "no CUDA here"; }}'
    return f"long {name}(void) {{ return {0 if name.startswith('__') else _NO_DEVICE}; }}"


def _quietly(site: Site, argv: list[str]) -> list[str]:
    return site.runner.run(argv, env=site.environ(), quiet=True)
