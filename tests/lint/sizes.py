#!/usr/bin/env python3
"""Files and functions stay small; tests are named in their CMakeLists.txt."""

from _source import ROOT, files, finish, functions, text

FILE_WARN, FILE_FAIL, FUNCTION_WARN, FUNCTION_FAIL = 500, 800, 70, 100


def main():
    problems, warnings = [], []
    for path in files("*.c", "*.h", "*.py", "*.mjs", "*.js"):
        if path.startswith("tests/vectors/"):
            continue
        source = text(path)
        count = source.count("\n")
        if count > FILE_FAIL:
            problems.append(f"{path}: {count} lines, more than {FILE_FAIL}")
        elif count > FILE_WARN:
            warnings.append(f"{path}: {count} lines, more than {FILE_WARN}")
        if not path.endswith(".c"):
            continue
        for name, first, last in functions(source):
            length = last - first + 1
            said = f"{path}:{first}: {name}() has {length} lines"
            if length > FUNCTION_FAIL:
                problems.append(said)
            elif length > FUNCTION_WARN:
                warnings.append(said)
    for path in files("tests/unit/*_test.c", "tests/fuzz/*_fuzz.c",
                      "tests/sim/*_test.c"):
        lists = [p for p in (ROOT / path).parent.glob("*")
                 if p.name == "CMakeLists.txt" or p.suffix == ".cmake"]
        stem = path.rsplit("/", 1)[1].removesuffix(".c")
        if not any(stem.removesuffix("_fuzz").removesuffix("_test")
                   in p.read_text() for p in lists):
            problems.append(f"{path}: no CMakeLists.txt builds it")
    finish("sizes", problems, warnings)


main()
