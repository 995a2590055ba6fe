"""Reading what was just written, to prove it: whatever goes wrong is a fault of the output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medgan.errors import MedganError, ValidationError


@contextmanager
def reading_back(path: Path) -> Iterator[None]:
    """Turn what is raised while a file is read into a `ValidationError` that names the file."""
    try:
        yield
    except MedganError as error:
        raise ValidationError(error.what, where=path.name) from error
    except Exception as error:  # pydicom and nibabel raise nearly anything on damaged files
        raise ValidationError(
            f"cannot be read back ({type(error).__name__})", where=path.name
        ) from error
