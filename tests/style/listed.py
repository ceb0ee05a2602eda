"""Sources are listed in CMakeLists.txt, not globbed: one that is missing there is not built. A list
may leave out what its function adds: weft_example(prime_sieve), weft_model(note)."""

import re

# <folder of sources>: the list they must stand in, by their path from it
LISTS = {
    "runtime": "runtime/CMakeLists.txt",
    "channel": "channel/CMakeLists.txt",
    "sync": "sync/CMakeLists.txt",
    "netpoll": "netpoll/CMakeLists.txt",
    "examples": "examples/CMakeLists.txt",
    "runtime/extras": "runtime/extras/CMakeLists.txt",
    "tests/compile": "tests/compile/CMakeLists.txt",
    "tests/model": "tests/model/CMakeLists.txt",
    "tests/stress": "tests/CMakeLists.txt",
    "tests/support": "tests/CMakeLists.txt",
    "tests/unit": "tests/CMakeLists.txt",
}


def check(tree):
    for folder, cmake_list in LISTS.items():
        base = cmake_list.rsplit("/", 1)[0] + "/"
        for file in tree.files:
            if not file.startswith(folder + "/"):
                continue
            if any(file.startswith(inner + "/") for inner in LISTS if inner.startswith(folder + "/")):
                continue  # has a list of its own
            public_header = "/include/" in file and file.endswith(".hpp")
            if not (file.endswith(".cpp") or public_header):
                continue
            if cmake_list not in tree.files:
                yield f"{file}:1: there is no {cmake_list} to name it"
            elif not _names(tree.text(cmake_list), file.removeprefix(base)):
                yield f"{file}:1: is not named in {cmake_list}"


def _names(text, path):
    text = re.sub(r"#[^\n]*", "", text)
    parts = re.fullmatch(r"(.*?)((?:_model)?\.[ch]pp)", path)
    stem, ending = map(re.escape, parts.groups())
    return re.search(rf"(?<![\w/.]){stem}({ending})?(?![\w/.])", text) is not None
