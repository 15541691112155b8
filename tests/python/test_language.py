"""The package's own texts in Chinese: none is missing, none is left over, and they are chosen as the program chooses its own."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import portraitdb
import pytest
from portraitdb.connection import Progress
from portraitdb.language import chinese, of_environment, told

# Two words with a space between them.
PROSE = re.compile(r"[A-Za-z]{2,}[,;:.)]* [a-zA-Z]{2,}")
# Texts that nobody reads as prose: SQL, HTML, patterns, names of threads, what is told to a shell.
NOT_FOR_PEOPLE = {
    ' style="text-align: left"',
    ' style="text-align: right"',
    '" sandbox="" style="width: 100%; height: 40em; border: 0"></iframe>',
    "(SELECT * FROM ",
    ") AS cancelled",
    ". gRPC client debug context:",
    '<iframe srcdoc="',
    '<table class="dataframe"><thead><tr>',
    "DROP TABLE ",
    "SELECT pg_backend_pid() AS pid",
    "SELECT pg_cancel_backend(",
    "SELECT step, rows_read, milliseconds FROM system.queries WHERE pid = ",
    "^(?:Flight|gRPC) [^:]*, with message: ",
    "portrait statement",
    "ready: grpc",
    'read -r _; kill -TERM "$1"; rm -rf -- "$2"',
}


def texts() -> Iterator[tuple[str, str]]:
    """The texts of the package, without those that explain the source, and where they stand."""
    for file in sorted(Path(portraitdb.__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        explains = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explains:
                yield node.value, f"{file.name}:{node.lineno}"


@pytest.mark.needs_no_program
def test_every_text_has_a_translation():
    found = list(texts())
    known = chinese().keys() | NOT_FOR_PEOPLE
    missing = [f"{place}: {text!r}" for text, place in found if PROSE.search(text) and text not in known]
    assert len(found) > 300 and not missing, "in neither zh.json nor NOT_FOR_PEOPLE:\n" + "\n".join(missing)


@pytest.mark.needs_no_program
def test_no_translation_is_left_over():
    there = {text for text, _ in texts()}
    assert not [text for text in [*chinese(), *NOT_FOR_PEOPLE] if text not in there]


@pytest.mark.needs_no_program
def test_translations_have_the_same_holes():
    def holes(text: str) -> set[tuple[str, str]]:
        return {(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None}

    for english, translated in chinese().items():
        assert holes(english) == holes(translated), english
        assert re.search("[\u4e00-\u9fff]", translated) or not PROSE.search(re.sub(r"\{.*?\}|portraitdb\.\w+", "", english)), english


@pytest.mark.needs_no_program
@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zha_CN"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh-Hans", "LANG": "C"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_the_locale_decides(monkeypatch, variables, language):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert of_environment() == language


@pytest.mark.needs_no_program
def test_values_are_put_in_as_they_are():
    assert told("zh", "{name}: two columns have this name; rename one of them", name="{a}") == "{a}：有两列同名；请给其中一列改名"
    assert str(Progress("sorting", 1234, 2.5, "zh")) == "排序：已读 1,234 行，2.5 秒"
    assert str(Progress("1 of 2 {copied}", 0, 1.0)) == "1 of 2 {copied}: 0 rows read, 1.0 s"


@pytest.fixture
def chinese_db(monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with portraitdb.connect() as opened:
        yield opened


def fails(work) -> str:
    with pytest.raises((portraitdb.Error, TypeError, ValueError)) as found:
        work()
    return str(found.value)


def test_a_session_speaks_the_language_of_the_locale(chinese_db):
    db = chinese_db
    assert db.language == "zh"
    # The program's and the package's.
    assert "没有" in fails(lambda: db.sql("SELECT * FROM nothing"))
    assert fails(lambda: db.sql(" ")) == "没有可执行的语句"
    assert fails(lambda: db.sql("SELECT $a")) == "$a：参数没有值；请用 sql(…, {'a': …}) 给出"
    assert fails(lambda: db.sql("SELECT $a", {"a": 1, "b": 2})) == "$b：语句中没有这个参数；已有的参数：$a"
    assert fails(lambda: db.sql("SELECT 1", {"b": 2})).endswith("无")
    assert fails(lambda: db.sql("SELECT $1", "a")).startswith("parameters 须为")
    assert fails(lambda: db.sql("SELECT $1", [object()])).startswith("$1：可取数字")
    assert fails(lambda: db.register("t", 3)).endswith("得到 int")
    assert fails(lambda: db.sql("SELECT 1 AS a").to_pandas(decimals="some")).startswith("decimals 须为")
    assert fails(lambda: db.sql("SELECT INTERVAL '1 month' AS a").to_polars()).startswith("a：Polars")
    assert repr(db) == "<portraitdb.Database 内存数据库>"
    assert repr(db.sql("CREATE TABLE t (a INT)")) == "完成。"
    assert repr(db.sql("INSERT INTO t VALUES (1)")) == "已更改 1 行。"
    assert repr(db.sql("SELECT 1 AS a")).endswith("(1 行)")
    assert repr(db.sql("SELECT value FROM range(50)")).endswith("(共 50 行，显示前 20 行)")
    db.close()
    assert fails(lambda: db.sql("SELECT 1")) == "<portraitdb.Database 内存数据库，已关闭>：已关闭，或是在本进程 fork 之前打开的；请重新连接"


def test_a_setting_chooses_another(chinese_db):
    db = chinese_db
    db.sql("SET portrait.language = 'en'")
    assert db.language == "en" and fails(lambda: db.sql(" ")) == "there is no statement to run"
    assert repr(db.sql("SELECT 1 AS a")).endswith("(1 row)")
    db.sql("SET portrait.language = 'zh'")
    assert fails(lambda: db.sql(" ")) == "没有可执行的语句"


def test_a_program_that_cannot_start(monkeypatch, tmp_path):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (tmp_path / "file").write_text("no database")
    told = fails(lambda: portraitdb.connect(tmp_path / "file"))
    assert re.search("[\u4e00-\u9fff]", told) and not told.startswith("错误")
    assert "没有这个程序" in fails(lambda: portraitdb.connect(program=tmp_path / "nothing"))
    with pytest.raises(portraitdb.Error) as found:
        portraitdb.connect(program=tmp_path / "nothing")
    assert found.value.language == "zh"


def test_magics(monkeypatch):
    pytest.importorskip("IPython")
    from portraitdb.magic import Magic

    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    shell = SimpleNamespace(user_ns={})
    magic = Magic(shell)
    try:
        assert Magic.portrait.__doc__.startswith("在单元格中写 SQL")
        assert "只对此单元格" in fails(lambda: magic.portrait("--what", "SELECT 1"))
        assert "没有名为 nobody 的变量" in fails(lambda: magic.portrait("", "SELECT $nobody"))
    finally:
        magic.close()
        monkeypatch.undo()
        Magic(shell).close()
    assert Magic.portrait.__doc__.startswith("SQL in cells")
