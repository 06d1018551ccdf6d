"""Prints what a report of gcovr (JSON) says, a line for each file, and the functions that were never called. Started by coverage.sh.

Ends with 1 where less than BAR of the lines were run.
"""

import json
import sys

BAR = 0.90


def share(done, of):
    return f"{100 * done / of:5.1f} %" if of else "      -"


def count(lines):
    """Of the lines of a file: run, all, and of their branches: taken, all."""
    lines = [line for line in lines if not line.get("gcovr/noncode")]
    branches = [branch for line in lines for branch in line["branches"]]
    return sum(line["count"] > 0 for line in lines), len(lines), sum(branch["count"] > 0 for branch in branches), len(branches)


def main(path):
    files = sorted(json.load(open(path))["files"], key=lambda file: file["file"])
    counts = [count(file["lines"]) for file in files]
    total = [sum(column) for column in zip(*counts)]
    width = max(len(file["file"]) for file in files)
    for name, (run, lines, taken, branches) in [*zip((file["file"] for file in files), counts), ("all", total)]:
        print(f"   {name:{width}} {share(run, lines)} of {lines:5} lines, {share(taken, branches)} of {branches:5} branches")
    for file in files:
        for function in file.get("functions", []):
            if function["execution_count"] == 0:
                print(f"   never called: {file['file']}: {function['name']}")
    return total[0] < BAR * total[1]


sys.exit(main(sys.argv[1]))
