"""File and function length. What must be longer stands below with its reason."""

import ast

from functions import functions
from source import CPP

FILE_LINES = 400
FUNCTION_LINES = 60

# <file>: reason
LONG_FILES = {
    "tests/unit/stack_test.cpp": "one subject: depot, cache, guards, faults",
}
# (<file>, <function>): reason
LONG_FUNCTIONS = {
    ("bench/run.py", "parse"): "a list of options, one after the other",
    ("bench/run.py", "main"): "the run from end to end, read top down",
}

MEASURED = CPP + (".py", ".sh", ".cmake", ".go", "CMakeLists.txt")


def check(tree, long_files=None, long_functions=None):
    long_files = LONG_FILES if long_files is None else long_files
    long_functions = LONG_FUNCTIONS if long_functions is None else long_functions
    yield from _check_files(tree, long_files)
    yield from _check_functions(tree, long_functions)


def _check_files(tree, exceptions):
    needed = set()
    for file in tree.files:
        if not file.endswith(MEASURED) or tree.text(file) is None:
            continue
        lines = tree.text(file).count("\n")
        if lines <= FILE_LINES:
            continue
        needed.add(file)
        if file not in exceptions:
            yield f"{file}:1: {lines} lines; more than {FILE_LINES} need a reason"
    for file in exceptions.keys() - needed:
        yield f"{file}:1: is listed as a long file, but is none"


def _check_functions(tree, exceptions):
    needed = set()
    for file in tree.files:
        if file.endswith(CPP):
            found = functions(tree.code(file))
        elif file.endswith(".py"):
            found = _python_functions(tree.text(file))
        else:
            continue
        for name, first, last in found:
            lines = last - first + 1
            if lines <= FUNCTION_LINES:
                continue
            needed.add((file, name))
            if (file, name) not in exceptions:
                yield (f"{file}:{first}: {name} has {lines} lines; "
                       f"more than {FUNCTION_LINES} need a reason")
    for file, name in exceptions.keys() - needed:
        yield f"{file}:1: {name} is listed as a long function, but is none"


def _python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno
