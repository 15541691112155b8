"""Portrait: customer profiling in SQL, from Python.

>>> import portraitdb
>>> db = portraitdb.connect("crm")                  # the database in the folder crm; without a name, one in memory
>>> db.sql("SELECT segment, count(*) AS customers FROM profile.customer GROUP BY ALL").to_pandas()

``connect`` starts the program ``portrait``, which came with this package, for this process alone; it ends with it. Rows come as Arrow.

In a notebook, ``%load_ext portraitdb`` lets cells be written in SQL::

    %portrait crm

    %%portrait
    SELECT * FROM rfm('orders.parquet', customer => customer_id, order_time => ordered_at, amount => amount)
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from .connection import Database, connect
from .errors import Error, Note
from .results import Chart, Report, Result

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Chart", "Database", "Error", "Note", "Report", "Result", "connect"]

try:
    __version__ = metadata.version("portraitdb")
except metadata.PackageNotFoundError:
    # Used from its source.
    __version__ = "0"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%load_ext portraitdb`` does."""
    from .magic import Magic

    shell.register_magics(Magic(shell))


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%unload_ext portraitdb`` does."""
    from .magic import unload

    unload(shell)
