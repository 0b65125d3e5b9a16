"""Lets a torch wheel that was built for CUDA load on a machine without: `without_cuda.py SITE_PACKAGES`.

The wheel's libraries name NVIDIA's (4.7 GB), of which a run on the processor calls nothing. For each that is not there a
stand-in is compiled that has every symbol the loader asks it for, under the version it asks for. Calling one is an error of
its own; torch.cuda.is_available() is False. Needs cc, nm and readelf.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

# What every system has.
SYSTEM = re.compile(r"^(lib(c|m|dl|rt|pthread|util|gcc_s|stdc\+\+)|ld-linux.*)\.so")
# The names of CUDA's functions, of which some are asked for without a version.
CUDA = re.compile(r"^(cu|nv|nccl)", re.IGNORECASE)


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed(library):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", printed("readelf", "--dynamic", "--wide", library))


def versions(library):
    """Which library each version of a symbol belongs to: {"libcublas.so.13": "libcublas.so.13", ...}."""
    owners, owner = {}, None
    for line in printed("readelf", "--version-info", "--wide", library).splitlines():
        if found := re.search(r"File: (\S+)", line):
            owner = found[1]
        elif owner and (found := re.search(r"Name: (\S+) +Flags", line)):
            owners[found[1]] = owner
    return owners


def symbols(library, which):
    """Names of a library's dynamic symbols with their versions, where they have one."""
    lines = printed("nm", "--dynamic", which, library).splitlines()
    names = (line.split()[-1] for line in lines if line)
    return [(name.partition("@")[0], name.partition("@")[2].strip("@")) for name in names]


def stand_in(path, plain, versioned):
    """Compiles a library with these functions, some under versions: {version: [name, ...]}."""
    names = sorted(plain.union(*versioned.values()))
    source = "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in names)
    script = "".join(f"{version} {{ global: {'; '.join(sorted(of))}; }};\n" for version, of in sorted(versioned.items()))
    with tempfile.TemporaryDirectory() as folder:
        (code := pathlib.Path(folder, "code.c")).write_text(source)
        (map_of := pathlib.Path(folder, "map")).write_text(script)
        version = [f"-Wl,--version-script,{map_of}"] if script else []
        subprocess.run(["cc", "-shared", "-fPIC", "-w", f"-Wl,-soname,{path.name}", *version, "-o", path, code], check=True)


def main(site):
    own = sorted((site / "torch/lib").glob("lib*.so*"))
    there = own + sorted((site / "nvidia").rglob("lib*.so*"))
    names = {library.name for library in there}
    missing = {name for library in own for name in needed(library) if name not in names and not SYSTEM.match(name)}
    defined = {name for library in there for name, _ in symbols(library, "--defined-only")}
    plain, versioned = set(), collections.defaultdict(lambda: collections.defaultdict(set))
    for library in own:
        owners = versions(library)
        for name, version in symbols(library, "--undefined-only"):
            if name in defined:
                continue
            if not version and CUDA.match(name):
                plain.add(name)
            elif owners.get(version) in missing:
                versioned[owners[version]][version].add(name)
    # torch/lib/*.so look for them here.
    folder = site / "nvidia/cu13/lib"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(missing):
        stand_in(folder / name, plain, versioned[name])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
