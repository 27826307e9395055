"""The install tree, used by a program outside the project: pkg-config, CMake package, the command."""

import os
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["HEAPSIM"]).resolve().parent
SANITIZED = b"HEAPSIM_SANITIZE:BOOL=ON" in (BUILD / "CMakeCache.txt").read_bytes()


def run(*command: str | pathlib.Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    # Away from the source tree, so that only installed data can be found.
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                          cwd="/", env=os.environ | environment)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


@unittest.skipIf(SANITIZED, "the consumer is built without sanitizers")
class Install(unittest.TestCase):
    EXPECTED = "0 3ffbb4e8\n3 3ffcf174\n4 00000000\ncompleted\n"

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.prefix = pathlib.Path(self.folder.name) / "prefix"
        run("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.lib = next(self.prefix.glob("lib/**/libheapsim.so")).parent
        self.data = str(self.prefix / "share" / "heapsim")

    def tearDown(self) -> None:
        self.folder.cleanup()

    def test_command_finds_installed_data(self) -> None:
        text = run(self.prefix / "bin" / "heapsim", "--layout", "pico-d4", "--trace", "https.trace")
        self.assertIn("completed  every allocation was served", text)

    def test_one_header(self) -> None:
        self.assertEqual([p.name for p in (self.prefix / "include").rglob("*.h")], ["heapsim.h"])

    def test_pkg_config(self) -> None:
        flags = run("pkg-config", f"--define-variable=prefix={self.prefix}", "--cflags", "--libs",
                    "heapsim", PKG_CONFIG_PATH=str(self.lib / "pkgconfig")).split()
        program = pathlib.Path(self.folder.name) / "consumer"
        run("cc", "-Wall", "-Werror", HERE / "install" / "consumer.c", "-o", program, *flags)
        text = run(program, LD_LIBRARY_PATH=str(self.lib), HEAPSIM_PATH=self.data)
        self.assertEqual(text, self.EXPECTED)

    def test_cmake_package(self) -> None:
        build = pathlib.Path(self.folder.name) / "build"
        run("cmake", "-S", HERE / "install", "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", build)
        for kind in ("shared", "static"):
            self.assertEqual(run(build / f"consumer_{kind}", HEAPSIM_PATH=self.data), self.EXPECTED)

    def test_only_the_api_is_visible(self) -> None:
        symbols = run("nm", "-D", "--defined-only", self.lib / "libheapsim.so").split()[2::3]
        header = (HERE.parent / "sim" / "heapsim.h").read_text()
        self.assertEqual([name for name in symbols if name not in header], [])


if __name__ == "__main__":
    unittest.main()
