"""Refuse files over 300 lines (tests 500) and functions over 40 lines."""

import ast
import subprocess
import sys
from pathlib import Path

FILE, TEST_FILE, FUNCTION = 300, 500, 40


def problems(path: Path) -> list[str]:
    """Return one line for each limit that the file breaks."""
    text = path.read_text(encoding="utf-8")
    test = path.parts[0] == "tests"
    limit = TEST_FILE if test else FILE
    found = []
    if (lines := text.count("\n")) > limit:
        found.append(f"{path}: {lines} lines, at most {limit}")
    if not test:
        found += [
            f"{path}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION
            and not is_component_signature(path)
        ]
    return found


def is_component_signature(path: Path) -> bool:
    """Component functions are mostly signature and docstring; kfp allows no other form."""
    return path.parts[:2] == ("katib_kfp", "components")


def main() -> int:
    """Check every Python file that git knows or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], capture_output=True, text=True, check=True
    ).stdout
    files = [Path(name) for name in listing.split() if "/pb/" not in name and Path(name).exists()]
    found = [line for path in files for line in problems(path)]
    print("\n".join(found) or f"sizes: {len(files)} files within limits")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
