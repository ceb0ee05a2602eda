#!/usr/bin/env python3
"""Checks the house rules that a program can check. Usage: check.py [ROOT]

Prints one line per violation and fails if there is any. Needs Python's standard library only.
"""

import pathlib
import sys

import format
import includes
import lengths
import listed
import text
from source import Tree

RULES = (includes, lengths, listed, text, format)


def main():
    default = pathlib.Path(__file__).resolve().parents[2]
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else default)
    problems = [problem for rule in RULES for problem in rule.check(tree)]
    for problem in problems:
        print(problem)
    print(f"{len(tree.files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
