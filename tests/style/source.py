"""The project's files, and C++ text with what is not code blanked out."""

import functools
import pathlib
import re

CPP = (".cpp", ".hpp")
ROOMS = ("runtime", "channel", "sync", "netpoll")
NOT_SOURCES = ("build", "install", ".git", ".cache", "__pycache__")

_NOT_CODE = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


class Tree:
    """A directory with the project's layout."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.cached_property
    def files(self):
        """Paths from the root, as text, sorted."""
        found = []
        pending = [self.root]
        while pending:
            for entry in pending.pop().iterdir():
                if entry.name in NOT_SOURCES:
                    continue
                if entry.is_dir():
                    pending.append(entry)
                else:
                    found.append(entry.relative_to(self.root).as_posix())
        return sorted(found)

    def cpp_files(self, *folders):
        return [f for f in self.files
                if f.endswith(CPP) and (not folders or f.split("/")[0] in folders)]

    @functools.lru_cache(maxsize=None)
    def text(self, file):
        """The file's text; None if it is not text."""
        try:
            return (self.root / file).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None

    @functools.lru_cache(maxsize=None)
    def code(self, file):
        """A C++ file's text with comments and literals blanked, lines and columns kept."""
        return _NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), self.text(file))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
