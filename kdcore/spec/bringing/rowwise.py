"""The ways to bring datasets that lie in files of rows."""

from __future__ import annotations

from kdcore.spec.bringing.generation import Generation, Language
from kdcore.spec.bringing.series import Series
from kdcore.spec.bringing.table import Table
from kdcore.spec.bringing.text import Text

AnyRows = Table | Series | Text | Language | Generation
