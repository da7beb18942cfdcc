"""What is installed here, told by the packages' own records: nothing is imported."""

from __future__ import annotations

import platform
import re
import sqlite3
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from clinometer.records.check import Check

LEAST_PYTHON = (3, 11)
LEAST_TORCH = (2, 6)
# Package: (what it is for, how to get it); the first three come with Clinometer itself.
BESIDE = {
    "numpy": ("arrays", "pip install clinometer"),
    "scipy": ("intervals and root finding", "pip install clinometer"),
    "rich": ("tables in the terminal", "pip install clinometer"),
    "matplotlib": ("pictures", 'pip install "clinometer[plot]"'),
    "pandas": ("Recording.to_pandas", 'pip install "clinometer[pandas]"'),
    "xarray": ("Recording.to_xarray", 'pip install "clinometer[xarray]"'),
    "scikit-learn": ("clinometer demo", 'pip install "clinometer[demo]"'),
    "jinja2": ("clinometer demo", 'pip install "clinometer[demo]"'),
    "ipython": ("%load_ext clinometer", "pip install ipython"),
    "pytest": ("the fixture clinometer_watch", "pip install pytest"),
}
Version = Callable[[str], "str | None"]


def version_of(package: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def installed(version_of: Version = version_of) -> list[Check]:
    """Python, Clinometer, torch, and what else some part of Clinometer uses."""
    from clinometer import __version__

    checks = [
        python(sys.version_info[:2]),
        Check("clinometer", "good", __version__),
        torch(version_of("torch")),
        Check("sqlite", "good", sqlite3.sqlite_version),
    ]
    return checks + [beside(package, version_of(package)) for package in BESIDE]


def python(running: tuple[int, int]) -> Check:
    """The interpreter, and whether it is new enough.

    >>> python((3, 10)).state
    'bad'
    """
    found = f"{platform.python_version()}, {sys.executable}"
    if running >= LEAST_PYTHON:
        return Check("Python", "good", found)
    return Check("Python", "bad", found, "Clinometer needs Python 3.11 or later.")


def torch(found: str | None) -> Check:
    """The installed torch, by its version's text.

    >>> torch("2.5.1+cpu").state, torch("2.13.0").state, torch(None).state
    ('bad', 'good', 'bad')
    """
    if found is None:
        return Check("torch", "bad", "not installed", 'pip install "clinometer[torch]"')
    if numbers(found) < LEAST_TORCH:
        least = ".".join(map(str, LEAST_TORCH))
        return Check(
            "torch", "bad", f"{found}, older than {least}", f'pip install "torch>={least}"'
        )
    return Check("torch", "good", found)


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version.

    >>> numbers("2.10.0a0+git1234")
    (2, 10, 0)
    """
    parts = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in parts[0].split(".")) if parts else ()


def beside(package: str, found: str | None) -> Check:
    """A package that some part of Clinometer uses."""
    purpose, how = BESIDE[package]
    if found is not None:
        return Check(package, "good", found)
    needed = package in {"numpy", "scipy", "rich"}
    return Check(package, "bad" if needed else "absent", "not installed", f"for {purpose}: {how}")
