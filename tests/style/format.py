"""clang-format leaves every C++ file as it is. Other versions format differently, so only the one
that .clang-format was written for is asked; where it is missing, that is said."""

import re
import shutil
import subprocess

VERSION = "14"


def formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return path
    return None


def check(tree):
    path = formatter()
    if path is None:
        print(f"skipped: formatting (no clang-format {VERSION})")
        return
    files = tree.cpp_files()
    if not files:
        return
    said = subprocess.run([path, "--dry-run", *files], cwd=tree.root, capture_output=True,
                          text=True).stderr
    seen = set()
    for match in re.finditer(r"^([^\s:]+):(\d+):\d+: (?:warning|error): ", said, re.MULTILINE):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            yield f"{match.group(1)}:{match.group(2)}: is not as clang-format {VERSION} would have it"
