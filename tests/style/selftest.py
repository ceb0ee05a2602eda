#!/usr/bin/env python3
"""Tests the style checks: each of these small trees breaks one rule and must be reported for it
alone; the trees that break none must pass."""

import pathlib
import tempfile
import unittest

import check
import format
import functions
import includes
import lengths
import listed
import text
from source import Tree

ONCE = "#pragma once\n"


class Case(unittest.TestCase):
    def tree(self, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, content in files.items():
            path = pathlib.Path(folder.name) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return Tree(folder.name)

    def problems(self, rule, files):
        return list(rule.check(self.tree(files)))

    def assert_passes(self, rule, files):
        self.assertEqual(self.problems(rule, files), [])

    def assert_fails(self, rule, files, where, why):
        problems = self.problems(rule, files)
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(where), problems[0])
        self.assertIn(why, problems[0])


class Includes(Case):
    def assert_arrow(self, source, target, why=None):
        """`source` includes `target`, both paths of files."""
        name = target.split("/include/")[-1]
        files = {target: ONCE, source: f'#include "{name}"\n'}
        if why:
            self.assert_fails(includes, files, f"{source}:1:", why)
        else:
            self.assert_passes(includes, files)

    def test_rooms_know_what_they_rest_on(self):
        self.assert_arrow("channel/chan_core.cpp", "runtime/state/g.hpp")
        self.assert_arrow("channel/include/weft/channel.hpp", "runtime/include/weft/clock.hpp")
        self.assert_arrow("netpoll/poller.cpp", "sync/include/weft/context.hpp")
        self.assert_arrow("sync/mutex.cpp", "runtime/include/weft/go.hpp")

    def test_rooms_do_not_know_who_rests_on_them(self):
        self.assert_arrow("runtime/state/g.cpp", "channel/include/weft/channel.hpp",
                          "runtime must not know channel")
        self.assert_arrow("channel/select.cpp", "sync/include/weft/mutex.hpp",
                          "channel must not know sync")
        self.assert_arrow("sync/mutex.cpp", "netpoll/include/weft/net.hpp",
                          "sync must not know netpoll")

    def test_of_sync_only_contexts_rest_on_channels(self):
        header = "channel/include/weft/channel.hpp"
        self.assert_arrow("sync/context.cpp", header)
        self.assert_arrow("sync/include/weft/error_group.hpp", header)
        self.assert_arrow("sync/include/weft/detail/context_state.hpp", header)
        self.assert_arrow("sync/mutex.cpp", header, "sync must not know channel")

    def test_floors_go_down(self):
        self.assert_arrow("runtime/state/g.hpp", "runtime/machine/note.hpp")
        self.assert_arrow("runtime/scheduler/park.cpp", "runtime/scheduler/park.hpp")
        self.assert_arrow("runtime/machine/note.cpp", "runtime/fiber/stack.hpp", "above it")
        self.assert_arrow("runtime/state/g.cpp", "runtime/scheduler/park.hpp", "above it")

    def test_low_floors_do_not_use_the_public_face(self):
        self.assert_arrow("runtime/scheduler/spawn.cpp", "runtime/include/weft/go.hpp")
        self.assert_arrow("runtime/machine/lock.cpp", "runtime/include/weft/detail/lock.hpp")
        self.assert_arrow("runtime/state/g.cpp", "runtime/include/weft/go.hpp", "public face")
        self.assert_arrow("runtime/scheduler/park.cpp", "runtime/report/dump.hpp", "above it")

    def test_the_runtime_has_these_floors_only(self):
        self.assert_arrow("runtime/attic/a.cpp", "runtime/machine/note.hpp", "not a floor")

    def test_public_headers_do_not_include_private_ones(self):
        self.assert_arrow("runtime/include/weft/go.hpp", "runtime/state/g.hpp",
                          "public headers only")

    def test_private_headers_are_included_by_their_path_from_the_root(self):
        self.assert_fails(includes, {"sync/spin.hpp": ONCE, "sync/a.cpp": '#include "spin.hpp"\n'},
                          "sync/a.cpp:1:", "no such file")

    def test_public_headers_exist_once(self):
        source = {"sync/a.cpp": "\n#include <weft/a.hpp>\n"}
        self.assert_fails(includes, source, "sync/a.cpp:2:", "no room")
        twice = {"sync/include/weft/a.hpp": ONCE, "runtime/include/weft/a.hpp": ONCE}
        self.assert_fails(includes, {**source, **twice}, "sync/a.cpp:2:", "more than one room")

    def test_the_umbrella_covers_all_and_shelters_nobody(self):
        umbrella = "sync/include/weft/weft.hpp"
        self.assert_arrow(umbrella, "channel/include/weft/channel.hpp")
        self.assert_arrow("sync/mutex.cpp", umbrella, "not all")
        self.assert_arrow("examples/pipeline.cpp", umbrella)

    def test_examples_use_public_headers_only(self):
        self.assert_arrow("examples/pipeline.cpp", "runtime/state/g.hpp", "public headers only")


# The small trees of these tests know nothing of the project's own exceptions.
lengths.LONG_FILES = {}
lengths.LONG_FUNCTIONS = {}


class Lengths(Case):
    LINE = "  f();\n"

    def test_file_length(self):
        self.assert_passes(lengths, {"sync/a.cpp": "\n" * 400})
        self.assert_fails(lengths, {"sync/a.cpp": "\n" * 401}, "sync/a.cpp:1:", "401 lines")

    def test_function_length(self):
        self.assert_passes(lengths, {"sync/a.cpp": f"void g() {{\n{self.LINE * 58}}}\n"})
        self.assert_fails(lengths, {"sync/a.cpp": f"\nvoid g() {{\n{self.LINE * 59}}}\n"},
                          "sync/a.cpp:2:", "g has 61 lines")

    def test_python_function_length(self):
        self.assert_fails(lengths, {"bench/a.py": "def g():\n" + "    f()\n" * 60},
                          "bench/a.py:1:", "g has 61 lines")

    def test_exceptions_are_needed(self):
        tree = self.tree({"sync/a.cpp": "\n" * 401})
        self.assertEqual(list(lengths.check(tree, long_files={"sync/a.cpp": "a table"})), [])
        tree = self.tree({"sync/a.cpp": ""})
        for stale in ({"long_files": {"sync/a.cpp": ""}},
                      {"long_functions": {("sync/a.cpp", "g"): ""}}):
            self.assertEqual(len(list(lengths.check(tree, **stale))), 1)

    def found(self, code):
        return list(functions.functions(code))

    def test_functions_are_found_in_scopes(self):
        code = ("namespace a {\nclass alignas(64) B final : public C {\n public:\n"
                "  explicit B(int x = f(1)) noexcept : x_(x), y_{x} {\n  }\n"
                "  template <class T>\n    requires(sizeof(T) > 1)\n"
                "  void operator()(T) const {\n    if (x) {\n    }\n  }\n"
                " private:\n  int x_{0};\n  int y_ = 0;\n};\n}\n")
        self.assertEqual(self.found(code), [("B", 4, 5), ("operator()", 6, 11)])

    def test_initialisers_are_not_functions(self):
        self.assertEqual(self.found("int a[] = {\n1,\n2};\nauto f = [](int) {\n};\n"
                                    "enum class e : char {\n x };\n"), [])

    def test_branches_of_the_preprocessor_balance(self):
        code = "#if A\nvoid f() {\n#else\nvoid f(int) {\n#endif\n}\nvoid g() {\n}\n"
        self.assertEqual(self.found(code), [("f", 2, 6), ("g", 7, 8)])


class Listed(Case):
    def test_sources_are_named(self):
        self.assert_passes(listed, {"tests/unit/a_test.cpp": "", "examples/sieve.cpp": "",
                                    "tests/CMakeLists.txt": "weft_test(a unit/a_test.cpp)",
                                    "examples/CMakeLists.txt": "weft_example(sieve)"})

    def test_sources_left_out_are_reported(self):
        self.assert_fails(listed, {"tests/unit/a_test.cpp": "", "tests/CMakeLists.txt":
                                   "# unit/a_test.cpp\nweft_test(aa unit/aa_test.cpp)"},
                          "tests/unit/a_test.cpp:1:", "not named in tests/CMakeLists.txt")

    def test_public_headers_left_out_are_reported(self):
        self.assert_fails(listed, {"sync/include/weft/once.hpp": "", "sync/spin.hpp": "",
                                   "sync/CMakeLists.txt": "target_sources(weft)"},
                          "sync/include/weft/once.hpp:1:", "not named")


class Text(Case):
    def test_headers_guard_themselves(self):
        self.assert_fails(text, {"sync/a.hpp": "// #pragma once\n"}, "sync/a.hpp:1:",
                          "#pragma once")

    def test_thread_local_has_one_home(self):
        declared = "thread_local int t;\n"
        self.assert_passes(text, {"runtime/state/current.cpp": declared,
                                  "sync/a.cpp": '// not thread_local\nauto s = "thread_local";\n'})
        self.assert_fails(text, {"sync/a.cpp": "\n" + declared}, "sync/a.cpp:2:", "thread_local")

    def test_tests_that_are_named_exist(self):
        named = {"sync/a.cpp": "// Tested by: tests/unit/a_test.cpp\n"}
        self.assert_passes(text, {**named, "tests/unit/a_test.cpp": ""})
        self.assert_fails(text, named, "sync/a.cpp:1:", "does not exist")

    def test_no_home_directories(self):
        self.assert_passes(text, {"a.md": "https://example.org/home/page ~/x $HOME/x build/home/x"})
        for home in ("/ho" + "me/ann/weft", "/ro" + "ot/weft", "/Us" + "ers/ann", "C:\\Us" + "ers\\ann"):
            self.assert_fails(text, {"a.md": f"in {home}"}, "a.md:1:", "home directory")


class Format(Case):
    def test_layout(self):
        if format.formatter() is None:
            self.skipTest(f"no clang-format {format.VERSION}")
        style = {".clang-format": "BasedOnStyle: Google\n"}
        self.assert_passes(format, {**style, "sync/a.cpp": "int a = 1;\n"})
        self.assert_fails(format, {**style, "sync/a.cpp": "int a   = 1;\n"}, "sync/a.cpp:1:",
                          "clang-format")


class Program(Case):
    def test_every_rule_is_run(self):
        self.assertEqual(set(check.RULES), {includes, lengths, listed, text, format})


if __name__ == "__main__":
    unittest.main()
