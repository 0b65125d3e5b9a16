"""Holds every case against `lockstep`: the right program has to be at parity, the wrong one a mismatch at its place, with the
mistake's own name or none.

    LOCKSTEP=target/debug/lockstep .python/bin/python cases/check.py [--seeds N] [--short] [ID ...]

Each case is recorded in f64 and in f32, with everything, without activations, and with the weights alone; with --short wrong in f64
with everything, and in f32 with the weights alone, right in f32 with everything.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import numpy as np

CASES = pathlib.Path(__file__).resolve().parent
SHORT = [("wrong", "f64", "all"), ("right", "f32", "all"), ("wrong", "f32", "weights")]
KEPT = {"all": "shows", "gradients": "gradients", "weights": "weights_alone"}
RIGHT = re.compile(r"^(\s*)\S.*?\s+# right: (.*)$")


def right(text):
    """The program with every wrong line replaced by what its comment says."""
    lines = text.splitlines()
    found = [RIGHT.match(line) for line in lines]
    assert any(found), "no line says what is right"
    return "\n".join(match[1] + match[2] if match else line for line, match in zip(lines, found)) + "\n"


def expected(case, kept, dtype):
    """Where the mistake shows of what was kept."""
    key = KEPT[kept]
    place = case.get(f"{key}_{dtype}") or case.get(key) or case["shows"]
    return f"mismatch in {place['phase']} at step {place['step']}"


def record(program, folder, kept, dtype, seed):
    """Runs a program; the error that it ended with, or None."""
    environment = {
        **os.environ,
        "KEEP": kept,
        "DTYPE": dtype,
        "SEED": str(seed),
        "PYTHONPATH": str(CASES),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([sys.executable, program, "run"], cwd=folder, env=environment, capture_output=True, text=True)
    return done.stderr if done.returncode else None


def wide(run):
    """Arrays of an f32 program that are f64: it computes in both."""
    paths = [path for kind in ("parameter", "gradient", "activation") for path in (run / kind).glob("*.npy")]
    return [path.stem for path in paths + list(run.glob("output_gradient.npy")) if np.load(path).dtype != np.float32]


def judge(definition, folder, dtype):
    """The verdict on what was recorded, in words, and its causes."""
    command = [os.environ["LOCKSTEP"], "run", definition, "--candidate", "run", "--set", f"dtype={dtype}", "--json"]
    done = subprocess.run([*command, "--out", "out"], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1, 3):
        return f"error: {done.stderr.strip()}", []
    verdict = json.loads(done.stdout)
    first = verdict["first_divergence"]
    return verdict["verdict"] + (f" in {first['phase']} at step {first['step']}" if first else ""), verdict["causes"]


def called(causes, name):
    """Whether a mistake is called by its name ("named"), by no name ("unnamed"), or by another's ("wrongly named")."""
    classes = [[cause["id"], *(other["id"] for other in cause["alternatives"])] for cause in causes]
    named = [ids for ids in classes if ids != ["unexplained"]]
    if any(name not in ids for ids in named):
        return "wrongly named"
    confirmed = [cause["status"] == "confirmed" for cause in causes]
    return "named" if named and all(confirmed) else "unnamed"


def check(case, folder, seeds, short, counts):
    """Of every recording: what it is, what is not as it should be or None, and whether that is known."""
    about = tomllib.loads((case / "case.toml").read_text())
    wrong = (case / "mine.py").read_text()
    programs = {"wrong": folder / "wrong.py", "right": folder / "right.py"}
    programs["wrong"].write_text(wrong)
    programs["right"].write_text(right(wrong))
    for seed in range(seeds):
        for dtype in ("f64", "f32"):
            for kept in KEPT:
                for which, program in programs.items():
                    if short and (which, dtype, kept) not in SHORT:
                        continue
                    what = f"{case.name}, {which}, {kept}, {dtype}, seed {seed}"
                    known = which == "wrong" and KEPT[kept] in about.get("open", {})
                    wanted = "parity" if which == "right" else expected(about, kept, dtype)
                    failure, causes = unlike(wanted, program, case / "net.toml", folder, kept, dtype, seed)
                    name = about.get("cause")
                    if which == "wrong":
                        answer = called(causes, name)
                        counts[kept][answer] += 1
                        if answer == "wrongly named":
                            failure = failure or f"is called {[cause['summary'] for cause in causes]}"
                        elif answer == "unnamed" and name and (kept, dtype) == ("all", "f64") and not about.get("unnamed"):
                            failure = failure or f"is not called by its name, but {[cause['id'] for cause in causes]}"
                    yield what, failure, known


def unlike(wanted, program, definition, folder, kept, dtype, seed):
    """What is not as it should be, or None, and the causes that were found."""
    error = record(program, folder, kept, dtype, seed)
    if error:
        return f"the program failed: {error}", []
    if dtype == "f32" and wide(folder / "run"):
        return f"not in f32: {', '.join(wide(folder / 'run'))}", []
    found, causes = judge(definition, folder, dtype)
    return (None if found == wanted else f"{found}, not {wanted}"), causes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", help="the cases; all if none is named")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    if "LOCKSTEP" not in os.environ:
        parser.error("set LOCKSTEP to the program")
    os.environ["LOCKSTEP"] = str(pathlib.Path(os.environ["LOCKSTEP"]).resolve())
    cases = sorted(path.parent for path in CASES.rglob("case.toml"))
    unknown = set(arguments.ids) - {case.name for case in cases}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    cases = [case for case in cases if not arguments.ids or case.name in arguments.ids]
    judged, failed, still_open = 0, 0, 0
    names = {kept: collections.Counter() for kept in KEPT}

    def checked(case):
        with tempfile.TemporaryDirectory() as folder:
            return list(check(case, pathlib.Path(folder), arguments.seeds, arguments.short, names))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for what, failure, known in (one for all in pool.map(checked, cases) for one in all):
            judged += 1
            still_open += bool(failure and known)
            if known and not failure:
                failure = "is as it should be now; take it out of `open` in case.toml"
            elif known:
                failure = None
            if failure:
                failed += 1
                print(f"{what}: {failure}", flush=True)
    for kept, of in names.items():
        if of:
            print(f"{kept}: {of['named']} named and proved, {of['unnamed']} not named, {of['wrongly named']} wrongly named")
    counts = f"{len(cases)} cases, {judged} recordings judged, {failed} not as they should be"
    print(f"{counts}, {still_open} known to be open")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
