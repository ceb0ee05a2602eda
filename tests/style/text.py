"""What must not stand in a file, and what must."""

import re

from source import ROOMS, line_of

# The one place where a thread is asked who it is; see the file.
THREAD_LOCAL_HOME = "runtime/state/current.cpp"
# What it watches is the thread, not the fiber.
WATCHES_THREADS = "runtime/extras/mutex_check/"

# Somebody's own machine.
HOME_PATH = re.compile(r"(?<![\w.$}{/])/(?:home|Users|root)/[\w.]+|\b[A-Z]:\\Users\\\w+")

# A test that a comment refers to.
TEST_PATH = re.compile(r"\btests/[\w/]+\.(?:[ch]pp|pml|py)\b")


def check(tree):
    for file in tree.cpp_files():
        if file.endswith(".hpp") and not re.search(r"^#pragma once$", tree.text(file), re.MULTILINE):
            yield f"{file}:1: has no #pragma once"
        for match in TEST_PATH.finditer(tree.text(file)):
            if match.group() not in tree.files:
                yield (f"{file}:{line_of(tree.text(file), match.start())}: names a test that does "
                       f"not exist: {match.group()}")
    for file in tree.cpp_files(*ROOMS, "examples"):
        if file == THREAD_LOCAL_HOME or file.startswith(WATCHES_THREADS):
            continue
        for match in re.finditer(r"\bthread_local\b", tree.code(file)):
            yield (f"{file}:{line_of(tree.code(file), match.start())}: thread_local: "
                   f"a fiber may change its thread; only {THREAD_LOCAL_HOME} may")
    for file in tree.files:
        text = tree.text(file)
        if text is None:
            continue
        for match in HOME_PATH.finditer(text):
            yield f"{file}:{line_of(text, match.start())}: names a home directory: {match.group()}"
