"""The proof as documents: result.json for programs, report.html for people."""

from kdcore.report.page import render
from kdcore.report.result import Evidence, Measured, ModelFigures, Result, build_result

__all__ = ["Evidence", "Measured", "ModelFigures", "Result", "build_result", "render"]
