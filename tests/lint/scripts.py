#!/usr/bin/env python3
"""Scripts: shellcheck for the shell's, and that the others parse."""

import subprocess

from _source import ROOT, files, finish, text


def run(argv):
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True,
                         check=False)
    return ran.returncode, (ran.stdout + ran.stderr).strip()


def kind(path):
    first = text(path).split("\n", 1)[0]
    if path.endswith(".py") or first.startswith("#!") and "python" in first:
        return "python"
    if path.endswith(".sh") or first.startswith("#!") and (
            first.endswith("sh") or "bash" in first):
        return "shell"
    if path.endswith((".mjs", ".js")):
        return "script"
    return None


def main():
    problems, counted = [], 0
    for path in files():
        if path.startswith(("tests/vectors/", "tests/fuzz/corpus/")):
            continue
        what = kind(path)
        if what is None:
            continue
        counted += 1
        if what == "shell":
            code, said = run(["shellcheck", path])
        elif what == "script":
            code, said = run(["node", "--check", path])
        else:
            try:
                compile(text(path), path, "exec")
                continue
            except SyntaxError as error:
                code, said = 1, str(error)
        if code != 0:
            problems.append(f"{path}: {said}")
    finish(f"{counted} scripts", problems)


main()
