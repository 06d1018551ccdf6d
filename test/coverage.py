"""Prints what gcov says of the objects below a directory: a line for each source file, the lines that were not run, and the
functions that were never called.

coverage.py DIRECTORY FOLDER...: of sources in these folders. Ends with 1 where less than BAR of the lines were run.
"""

import collections
import json
import pathlib
import subprocess
import sys

BAR = 0.90


class File:
    """Counts of a source file, over all objects that it is part of."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.Counter()
        self.functions = collections.Counter()

    def add(self, report):
        for line in report["lines"]:
            self.lines[line["line_number"]] += line["count"]
            for number, branch in enumerate(line["branches"]):
                self.branches[line["line_number"], number] += branch["count"]
        for function in report["functions"]:
            self.functions[function["name"]] += function["execution_count"]

    def counts(self):
        return [*ran(self.lines), *ran(self.branches)]


def ran(counter):
    return sum(count > 0 for count in counter.values()), len(counter)


def ranges(numbers):
    """[3, 4, 5, 9] as "3-5, 9"."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def share(done, of):
    return f"{100 * done / of:5.1f} %" if of else "      -"


def main(directory, folders):
    top = pathlib.Path(directory).resolve()
    files = collections.defaultdict(File)
    for notes in top.rglob("*.gcno"):
        said = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", notes], cwd=top, capture_output=True, text=True)
        for line in said.stdout.splitlines():
            for report in json.loads(line)["files"]:
                path = (top / report["file"]).resolve()
                if path.is_relative_to(top) and any(path.is_relative_to(top / folder) for folder in folders):
                    files[str(path.relative_to(top))].add(report)
    width = max(map(len, files))
    total = [sum(column) for column in zip(*(file.counts() for file in files.values()))]
    for name, (lines, of_lines, branches, of_branches) in [*((name, files[name].counts()) for name in sorted(files)), ("all", total)]:
        print(f"   {name:{width}} {share(lines, of_lines)} of {of_lines:5} lines, {share(branches, of_branches)} of {of_branches:5} branches")
    for name in sorted(files):
        missed = [line for line, count in files[name].lines.items() if count == 0]
        if missed:
            print(f"   not run: {name}: {ranges(missed)}")
    for name in sorted(files):
        for function, count in sorted(files[name].functions.items()):
            if count == 0:
                print(f"   never called: {name}: {function}")
    return total[0] < BAR * total[1]


sys.exit(main(sys.argv[1], sys.argv[2:]))
