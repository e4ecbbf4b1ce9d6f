"""The README and the pages of docs/: every code block runs as it stands there, every link leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import doc_page
from doc_page import blocks
from katib_control.reconcile import diagnosis, reasons
from katib_kfp.experiment import Options

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("algorithms/*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
MAX_LINES = 150

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.mark.slow
@every_page
def test_all_blocks_run(page, tmp_path):
    command = [sys.executable, doc_page.__file__, str(page), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


@every_page
def test_every_block_is_run_or_is_a_file_or_output_or_a_drawing(page):
    for block in blocks(page):
        assert block.language in ("sh", "python", "yaml", "text", ""), block
        if block.language == "yaml":
            assert all(yaml.safe_load_all(block.text))


@every_page
def test_every_link_leads_to_a_file(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@every_page
def test_a_page_is_short(page):
    written = re.sub(r"<!-- (\w+)[^\n]*-->.*?<!-- /\1[^\n]*-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(written.splitlines()) < MAX_LINES


def test_the_first_block_of_the_readme_names_the_two_commands():
    for line in blocks(PAGES[0])[0].text.splitlines():
        command = ROOT / line.split()[0]
        assert os.access(command, os.X_OK)


def test_the_index_lists_every_page():
    listed = set(LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= listed


def test_every_reason_is_explained():
    words = {
        value for module in (reasons, diagnosis) for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[A-Z][A-Za-z]+", value)
    }  # fmt: skip
    text = (DOCS / "states-and-errors.md").read_text(encoding="utf-8")
    assert len(words) > 30
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def test_every_option_of_the_author_api_is_explained():
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    assert [name for name in Options.__annotations__ if f"`{name}`" not in text] == []
